import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';

import type { Dispatcher } from 'undici';

import type { AppResponse, Body, HeaderMap } from './app-channel.ts';
import { allowedTrailers } from './http-headers.ts';

/** Bodies up to this size, when the app says their length, are handed on whole: cheaper than a stream, and can be sent again. */
const wholeBodyLimit = 64 * 1024;
/** Bytes a streamed body holds before the app is made to wait. */
const highWaterMark = 64 * 1024;

export interface ExchangeOptions {
  readonly signal: AbortSignal;
  /** Collect the whole body, and fail when it is longer. Absent: stream it. */
  readonly collectUpTo?: number;
  /** Called once, when the response was read to its end, failed or was cancelled. */
  readonly onDone: () => void;
}

/** A body as undici takes it. */
export function requestBody(body: Body): Uint8Array | Readable | null {
  if (body === undefined || body instanceof Uint8Array) return body ?? null;
  const stream = Readable.from(body, { objectMode: false });
  // undici destroys the body of a request that is aborted before it has begun, when it does not listen any more
  stream.on('error', () => {});
  return stream;
}

/** One request to the app and its response, which resolves `response` when status and headers (or the whole body) are there. */
export class HttpExchange implements Dispatcher.DispatchHandler {
  readonly response: Promise<AppResponse>;
  readonly #options: ExchangeOptions;
  readonly #resolve: (response: AppResponse) => void;
  readonly #reject: (error: unknown) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: HeaderMap = {};
  #collecting = false;
  #limit = Infinity;
  #size = 0;
  #chunks: Buffer[] = [];
  #stream: StreamedBody | undefined;
  #trailers: HeaderMap = {};
  #done = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    const { promise, resolve, reject } = Promise.withResolvers<AppResponse>();
    this.response = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    options.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Whether the app has begun to answer. */
  get answered(): boolean {
    return this.#status !== 0;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#done) controller.abort(abortError());
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers as HeaderMap; // no value is undefined: the names are those that came
    const { collectUpTo } = this.#options;
    const length = Number(headers['content-length'] ?? NaN);
    this.#collecting = collectUpTo !== undefined || length <= wholeBodyLimit;
    this.#limit = collectUpTo ?? Infinity;
    if (this.#collecting) return;
    this.#stream = new StreamedBody(controller, (reason) => this.#finish(reason));
    const { trailer } = headers;
    this.#resolve({
      status,
      headers: this.#headers,
      body: this.#stream,
      ...(trailer !== undefined && { trailers: { names: String(trailer), values: () => this.#trailers } }),
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#stream !== undefined) {
      this.#stream.push(chunk);
      return;
    }
    this.#size += chunk.length;
    if (this.#size > this.#limit) {
      controller.abort(new Error(`the app's response is longer than ${this.#limit} bytes (--max-body-size)`));
      return;
    }
    this.#chunks.push(chunk);
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.#finish();
    if (this.#stream !== undefined) {
      if (this.#headers['trailer'] !== undefined) this.#trailers = allowedTrailers(trailers as HeaderMap);
      this.#stream.end();
    } else this.#resolve({ status: this.#status, headers: this.#headers, body: this.#collected() });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(this.#options.signal.aborted ? this.#options.signal.reason : error);
  }

  readonly #onAbort = (): void => {
    const reason: unknown = this.#options.signal.reason;
    // A turn later: Node.js spins for ever on an HTTP/2 stream that is closed in the turn in which it was opened with a body.
    setImmediate(() => this.#controller?.abort(reason instanceof Error ? reason : abortError()));
    this.#fail(reason);
  };

  #collected(): Buffer | undefined {
    if (this.#chunks.length <= 1) return this.#chunks[0];
    return Buffer.concat(this.#chunks, this.#size);
  }

  #fail(error: unknown): void {
    this.#finish();
    if (this.#stream !== undefined) this.#stream.fail(error);
    else this.#reject(error);
  }

  #finish(cancelled?: Error): void {
    if (this.#done) return;
    this.#done = true;
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    if (cancelled !== undefined) this.#controller?.abort(cancelled);
    this.#options.onDone();
  }
}

/** A response body as it arrives. `return()` cancels it, also before the first `next()`. */
class StreamedBody implements AsyncIterableIterator<Uint8Array> {
  readonly #controller: Dispatcher.DispatchController;
  readonly #cancel: (reason: Error) => void;
  #chunks: Buffer[] = [];
  #size = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(controller: Dispatcher.DispatchController, cancel: (reason: Error) => void) {
    this.#controller = controller;
    this.#cancel = cancel;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size >= highWaterMark) this.#controller.pause();
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#size -= chunk.length;
        if (this.#controller.paused && this.#size < highWaterMark) this.#controller.resume();
        return { done: false, value: chunk };
      }
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#ended) this.#cancel(abortError());
    this.#ended = true;
    this.#chunks = [];
    return { done: true, value: undefined };
  }
}

function abortError(): Error {
  return new DOMException('the response is no longer wanted', 'AbortError');
}
