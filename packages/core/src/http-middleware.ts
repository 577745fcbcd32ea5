/** A request as it passes the pipeline. Header names are lower-case. */
export interface MiddlewareRequest {
  readonly method: string;
  /** Path and query as received, starting with `/`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** IP address of the peer. */
  readonly remoteAddress: string;
  /** The whole body; read on first call and kept. */
  body(): Promise<Uint8Array>;
}

/** What a middleware may change before it hands the request on. */
export interface MiddlewareChange {
  readonly url?: string;
  /** Merged over the request's; `undefined` removes a header. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: Uint8Array;
}

export interface MiddlewareResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Uint8Array | ReadableStream<Uint8Array>;
}

/** One step of `httpPipeline` or `appHttpPipeline`. */
export interface HttpMiddleware extends AsyncDisposable {
  /** Answers itself, or hands on by calling `next` once and answering with what that gave, changed or not. */
  handle(
    request: MiddlewareRequest,
    next: (change?: MiddlewareChange) => Promise<MiddlewareResponse>,
    signal: AbortSignal,
  ): Promise<MiddlewareResponse>;
}
