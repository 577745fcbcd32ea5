import type { IncomingMessage, ServerResponse } from 'node:http';

import { HttpError } from './http-error.ts';

/** One request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** What stands in the path where the route has `:name`, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** Aborts when the browser has gone, or has its answer. */
  readonly signal: AbortSignal;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/api/things/:name`. */
  readonly path: string;
  /** Resolves once the answer is written; an {@link HttpError} becomes one. */
  readonly handle: (exchange: Exchange) => Promise<void> | void;
}

/** The most that a request may bring, in bytes. */
export const maxBodySize = 4 * 1024 * 1024;

/** Throws 413 beyond {@link maxBodySize}. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.byteLength;
    if (size > maxBodySize) throw new HttpError(413, `more than ${maxBodySize} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** The body as a JSON object; throws 400 for anything else. */
export async function jsonOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const text = (await bodyOf(request)).toString();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HttpError(400, 'the body is not JSON', { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HttpError(400, 'the body has to be a JSON object');
  }
  return value as Readonly<Record<string, unknown>>;
}

/** Throws 400 when it is not there, or empty. */
export function required(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new HttpError(400, `${name} is missing`);
}

export function replyJson({ response }: Pick<Exchange, 'response'>, value: unknown, status = 200): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.byteLength });
  response.end(body);
}
