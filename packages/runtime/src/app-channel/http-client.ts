import { type Bulkhead, bulkhead, ComponentError } from '@outrigger/core';
import type { Dispatcher } from 'undici';

import { type AppResponse, type Body, type HeaderMap, UnreachedAppError } from './app-channel.ts';
import { appFailure } from './app-failure.ts';
import { HttpExchange, requestBody } from './http-exchange.ts';
import { isRepeatable } from './repeatable.ts';

export type HttpAppProtocol = 'http' | 'https' | 'h2c';

export interface HttpClientOptions {
  readonly protocol: HttpAppProtocol;
  readonly host: string;
  readonly port: number;
  /** Calls in flight, first come first served; one counts until its response was read to the end. 0 or absent: no limit. */
  readonly maxConcurrency?: number | undefined;
  /** Told of each call. Absent: calls are not counted. */
  readonly meter?: HttpAppMeter | undefined;
}

/** A call to the app that has its status and headers, or has failed. */
export interface AppCallOutcome {
  readonly verb: string;
  /** Path and query. */
  readonly target: string;
  /** 500 when there was no answer. */
  readonly status: number;
  /** Bytes of the request's body, 0 where it is streamed. */
  readonly sent: number;
  /** Bytes of the answer's body, 0 where it does not say. */
  readonly received: number;
  /** Milliseconds. */
  readonly elapsed: number;
}

/** Counts calls to an app that speaks HTTP. */
export interface HttpAppMeter {
  called(outcome: AppCallOutcome): void;
  /** A health probe; `status` is 500 when there was no answer. */
  probed(status: number, elapsed: number): void;
}

export interface HttpCall {
  readonly method: string;
  /** Escaped, with the query. */
  readonly target: string;
  readonly headers: HeaderMap;
  readonly body?: Body;
  /** Not held back by the concurrency limit. */
  readonly unlimited?: true;
  /** Asks for the app's health: counted apart. */
  readonly isProbe?: true;
}

/**
 * The connections to the app. undici is used because it takes half the processor time of `node:http` per request; it is
 * imported on the first call, since its import takes longer than everything else at the start.
 */
export class HttpClient implements AsyncDisposable {
  readonly #options: HttpClientOptions;
  readonly #limit: Bulkhead | undefined;
  #dispatcher: Promise<Dispatcher> | undefined;

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#limit = options.maxConcurrency
      ? bulkhead({ maxConcurrent: options.maxConcurrency, maxQueue: Infinity })
      : undefined;
  }

  /** Makes the connection pool, which opens connections when they are needed. */
  async prepare(): Promise<void> {
    await this.#pool();
  }

  /**
   * Resolves when status and headers are there. Rejects with ComponentError `unavailable` when there was no answer. Made once more when
   * the connection is closed before the app has begun to answer and the request may arrive twice; with an UnreachedAppError the app
   * is gone by then.
   */
  async stream(call: HttpCall, signal: AbortSignal): Promise<AppResponse> {
    try {
      return await this.#exchange(call, signal, undefined);
    } catch (error) {
      const isAgain = error instanceof UnansweredError && isRepeatable({ verb: call.method, body: call.body });
      if (signal.aborted || !isAgain) throw error;
    }
    return this.#exchange(call, signal, undefined);
  }

  /**
   * Resolves when the whole response is there. Made once more when a connection turns out to be closed before the app has
   * begun to answer: only for calls that the app may get twice.
   */
  async collect(
    call: HttpCall,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<AppResponse & { body: Uint8Array | undefined }> {
    let response;
    try {
      response = await this.#exchange(call, signal, maxBytes);
    } catch (error) {
      if (signal.aborted || !(error instanceof UnansweredError)) throw error;
      response = await this.#exchange(call, signal, maxBytes).catch((again: unknown) => {
        // the app may have had the first one
        throw again instanceof UnreachedAppError ? error : again;
      });
    }
    return response as AppResponse & { body: Uint8Array | undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const dispatcher = await this.#dispatcher;
    await dispatcher?.destroy(null);
  }

  async #exchange(call: HttpCall, signal: AbortSignal, collectUpTo: number | undefined): Promise<AppResponse> {
    const { meter } = this.#options;
    if (meter === undefined) return this.#dispatch(call, signal, collectUpTo);
    const start = performance.now();
    let response: AppResponse | undefined;
    try {
      response = await this.#dispatch(call, signal, collectUpTo);
      return response;
    } finally {
      tell(meter, call, response, performance.now() - start);
    }
  }

  async #dispatch(call: HttpCall, signal: AbortSignal, collectUpTo: number | undefined): Promise<AppResponse> {
    const dispatcher = await this.#pool();
    const limit = call.unlimited ? undefined : this.#limit;
    await limit?.enter(signal);
    if (signal.aborted) {
      limit?.leave();
      signal.throwIfAborted();
    }
    const onDone = (): void => limit?.leave();
    const exchange = new HttpExchange(collectUpTo === undefined ? { signal, onDone } : { signal, onDone, collectUpTo });
    dispatcher.dispatch(
      {
        method: call.method,
        path: call.target,
        headers: call.headers as Record<string, string | string[]>,
        body: requestBody(call.body),
      },
      exchange,
    );
    try {
      return await exchange.response;
    } catch (error) {
      if (signal.aborted) throw error;
      const { host, port, protocol } = this.#options;
      const message = `calling the app at ${host}:${port} failed: ${appFailure(error, protocol)}`;
      if (!exchange.answered && isClosedConnection(error)) throw new UnansweredError(message, error);
      if (isRefusedConnection(error)) throw new UnreachedAppError(message, { cause: error });
      throw new ComponentError('unavailable', message, { cause: error });
    }
  }

  #pool(): Promise<Dispatcher> {
    this.#dispatcher ??= this.#newPool();
    return this.#dispatcher;
  }

  async #newPool(): Promise<Dispatcher> {
    const { H2CClient, Pool } = await import('undici');
    const { protocol, host, port } = this.#options;
    const address = `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
    // How long the app may take is for policies to say.
    const timeouts = { headersTimeout: 0, bodyTimeout: 0 };
    if (protocol === 'h2c') {
      // One call on a connection at a time: on a shared one undici lets calls with a body wait for each other.
      return new Pool(`http://${address}`, {
        ...timeouts,
        factory: (origin) => new H2CClient(origin, { ...timeouts, pipelining: 1 }),
      });
    }
    return new Pool(`${protocol}://${address}`, {
      ...timeouts,
      allowH2: false,
      connect: { rejectUnauthorized: false },
    });
  }
}

function tell(meter: HttpAppMeter, call: HttpCall, response: AppResponse | undefined, elapsed: number): void {
  const status = response?.status ?? 500;
  if (call.isProbe) {
    meter.probed(status, elapsed);
    return;
  }
  const { body } = response ?? {};
  const told = Number(response?.headers['content-length'] ?? 0) || 0;
  meter.called({
    verb: call.method,
    target: call.target,
    status,
    sent: call.body instanceof Uint8Array ? call.body.byteLength : 0,
    received: body instanceof Uint8Array ? body.byteLength : told,
    elapsed,
  });
}

/** The connection was closed before the app began to answer: it may never have seen the request. */
class UnansweredError extends ComponentError {
  constructor(message: string, cause: unknown) {
    super('unavailable', message, { cause });
  }
}

const closedConnectionCodes: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

function isClosedConnection(error: unknown): boolean {
  return error instanceof Error && 'code' in error && closedConnectionCodes.has(error.code);
}

const refusedConnectionCodes: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function isRefusedConnection(error: unknown): boolean {
  return error instanceof Error && 'code' in error && refusedConnectionCodes.has(error.code);
}
