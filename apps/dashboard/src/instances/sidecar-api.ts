import { randomBytes } from 'node:crypto';

import { errorMessage } from '@outrigger/core';

import { maxBodySize } from '../http/exchange.ts';
import { HttpError } from '../http/http-error.ts';
import type { DashboardInstance } from './dashboard-instance.ts';

const patienceMs = 10_000;

export interface SidecarRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface SidecarAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** Asks the HTTP API of an instance. What the dashboard asks by itself is in no trace. */
export async function askSidecar(
  { appId, httpPort, apiToken }: DashboardInstance,
  path: string,
  { method = 'GET', headers = {}, body }: SidecarRequest = {},
): Promise<SidecarAnswer> {
  try {
    const response = await fetch(`http://127.0.0.1:${httpPort}${path}`, {
      method,
      headers: {
        traceparent: newTraceparent(false).header,
        ...(apiToken && { 'dapr-api-token': apiToken }),
        ...headers,
      },
      signal: AbortSignal.timeout(patienceMs),
      redirect: 'manual',
      ...(body !== undefined && { body }),
    });
    return { status: response.status, headers: response.headers, body: await readAnswer(response) };
  } catch (error) {
    if (error instanceof HttpError) throw error;
    const reason = errorMessage(error instanceof Error && error.cause !== undefined ? error.cause : error);
    throw new HttpError(502, `the sidecar of ${appId} on port ${httpPort} does not answer: ${reason}`, {
      cause: error,
    });
  }
}

/** As {@link askSidecar}; throws what the sidecar says where it refuses. */
export async function askWell(
  instance: DashboardInstance,
  path: string,
  request?: SidecarRequest,
): Promise<SidecarAnswer> {
  const answer = await askSidecar(instance, path, request);
  if (answer.status < 300) return answer;
  throw new HttpError(answer.status < 500 ? answer.status : 502, messageOf(answer));
}

/** Of a trace that begins here. */
export function newTraceparent(sampled: boolean): { readonly header: string; readonly traceId: string } {
  const traceId = randomBytes(16).toString('hex');
  const header = `00-${traceId}-${randomBytes(8).toString('hex')}-0${sampled ? 1 : 0}`;
  return { header, traceId };
}

async function readAnswer(response: Response): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.byteLength;
    if (size > maxBodySize) throw new HttpError(502, `the sidecar's answer is longer than ${maxBodySize} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function messageOf({ status, body }: SidecarAnswer): string {
  const text = body.toString();
  try {
    const { message, errorCode } = JSON.parse(text) as { readonly message?: unknown; readonly errorCode?: unknown };
    if (typeof message === 'string') return message;
    if (typeof errorCode === 'string') return errorCode;
  } catch {
    // it is no JSON, and shown as it is
  }
  return text.slice(0, 500) || `the sidecar answered ${status}`;
}
