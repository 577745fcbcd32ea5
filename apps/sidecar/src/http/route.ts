import type { IncomingMessage, ServerResponse } from 'node:http';

/** One request on its way through the HTTP edge. Fields are set once per request; everything costly is computed when asked for. */
export interface HttpExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Values of the route's `{…}` segments in their order, URL-unescaped; the last may hold `/` where the pattern ends in `{x…}`. */
  readonly params: readonly string[];
  /** The cleaned, still escaped path. */
  readonly path: string;
  /** What follows `?`, undecoded; empty when there is none. */
  readonly query: string;

  /** The first value of a query parameter. */
  queryValue(name: string): string | undefined;
  /** Every value of a query parameter. */
  queryValues(name: string): readonly string[];
  /** `metadata.*` query parameters as a map (first value each); one shared empty object when there are none. */
  metadata(): Readonly<Record<string, string>>;
  /** The whole body. Throws ApiError 400 `ERR_BODY_READ` when it is over the limit or breaks off. */
  body(): Promise<Buffer>;
  /** The body in pieces as they come, for who passes it on. In place of `body()`, once; ends with the same errors. */
  bodyStream(): AsyncIterable<Buffer>;
  /** Aborts when the client is gone before the answer was complete. Made when first asked for. */
  signal(): AbortSignal;
}

/**
 * One entry of the HTTP API. `api` is the group and version that Configuration's `api.allowed` and `api.denied` name.
 * A thrown ApiError is rendered by the server.
 */
export interface Route {
  readonly methods: readonly string[];
  /** `/v1.0/state/{store}/{key}`; `{topic…}` as the last segment takes the rest of the path. */
  readonly pattern: string;
  readonly api: { readonly name: string; readonly version: string };
  /** What the API log calls it where it hides paths: `GetState`. */
  readonly operation?: string;
  readonly handle: (exchange: HttpExchange) => Promise<void> | void;
  /** Served without the API token and left out of API logging when `omitHealthChecks` says so. */
  readonly healthCheck?: true;
}
