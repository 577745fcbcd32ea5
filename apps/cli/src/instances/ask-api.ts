import { once } from 'node:events';
import { type IncomingMessage, METHODS, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { ApiAddress } from './find-api.ts';
import { UserError } from '../user-error.ts';

export interface Question {
  readonly method: string;
  /** As a user writes it: what may not stand in one is encoded, the rest, `..` and `//` too, goes as it is. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | undefined;
}

/** Resolves once a sidecar's answer begins, whatever its status. Rejects with a {@link UserError} where nobody listens. */
export async function askApi({ at, headers }: ApiAddress, question: Question): Promise<IncomingMessage> {
  const method = question.method.toUpperCase();
  if (!METHODS.includes(method) || method === 'CONNECT') throw new UserError(`--verb: there is no HTTP verb ${method}`);
  const path = question.path.replaceAll(/[^\u0021-\u007E]|#/gu, encodeURIComponent);
  // A length also where there is no body: a server waits for none of a verb that usually has one.
  const length = { 'content-length': String(question.body?.length ?? 0) };
  const sent = request({
    ...at,
    host: '127.0.0.1',
    path,
    method,
    agent: false,
    headers: { ...headers, ...question.headers, ...length },
  });
  // what goes wrong after the answer began is told to its reader
  sent.on('error', () => {});
  sent.end(question.body);
  try {
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return response;
  } catch (error) {
    const where = 'port' in at ? `at port ${at.port}` : `on ${at.socketPath}`;
    const { code, message } = error as NodeJS.ErrnoException;
    const isAbsent = code === 'ECONNREFUSED' || code === 'ENOENT';
    throw new UserError(
      isAbsent
        ? `no sidecar answers ${where}; outrigger list shows what runs`
        : `the sidecar ${where} gives no answer: ${message}`,
      { cause: error },
    );
  }
}

export function isSuccess({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

/** The text that says why a sidecar, or the app behind it, refused something. */
export async function refusalOf(response: IncomingMessage): Promise<string> {
  const text = (await buffer(response)).toString().trimEnd();
  return `${response.statusCode} ${text === '' ? response.statusMessage : (errorOfSidecar(text) ?? text)}`;
}

/** In words, where it is an error of the sidecar's API and not of an app. */
function errorOfSidecar(text: string): string | undefined {
  try {
    const { errorCode, message } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return typeof errorCode === 'string' && typeof message === 'string' ? `${message} (${errorCode})` : undefined;
  } catch {
    return undefined;
  }
}
