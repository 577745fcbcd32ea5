import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import type { Logger } from '@outrigger/core';
import { ApiError, type Tracer } from '@outrigger/runtime';

import { traceRequest } from '../tracing/http-span.ts';
import { type ApiAccess, isApiAllowed } from './api-access.ts';
import { apiLog, type ApiLogOptions } from './api-log.ts';
import { apiTokenHeader, tokenCheck } from './api-token.ts';
import { refuse } from './bad-request.ts';
import { type CleartextHttp2, serveCleartextHttp2 } from './cleartext-http2.ts';
import { corsFor } from './cors.ts';
import { CountedResponse } from './counted-response.ts';
import { replyError } from './error-reply.ts';
import { Exchange } from './exchange.ts';
import { removeHeader } from './headers.ts';
import { type Endpoint, listen, type ListenFlags, listenOnEach } from './listen.ts';
import { createServer } from './node-http.ts';
import { replyText } from './reply.ts';
import { cleanPath, hasBrokenEscape, originForm, unescapeText } from './request-path.ts';
import type { HttpExchange, Route } from './route.ts';
import { Router } from './router.ts';

export interface HttpServerOptions {
  readonly routes: readonly Route[];
  /** Takes what no route takes: service invocation. Its exchange has no `params`. Default: 404 in plain text. */
  readonly fallback?: (exchange: HttpExchange) => Promise<void> | void;
  /** Where to listen: addresses (see `parseListenAddresses`) and a port (0 picks a free one), or a Unix socket. */
  readonly addresses?: readonly string[];
  readonly port?: number;
  readonly socketPath?: string;
  /** How messages call the flags for port and address. */
  readonly flags?: ListenFlags;
  readonly logger: Logger;
  /** Bytes; 0: no limit. Default 4 MiB. */
  readonly maxBodySize?: number;
  /** Bytes of the request line and headers. Default 4 KiB; like Go's, the server grants 4 KiB more. */
  readonly readBufferSize?: number;
  /** Milliseconds a client has for the headers. Default 10 s. */
  readonly headersTimeout?: number;
  /** HTTP/2 without TLS on the same port. Default true. */
  readonly http2?: boolean;
  /** Every call but health checks must carry it. Empty or absent: none. */
  readonly apiToken?: string;
  /** As `--allowed-origins`. Empty or absent: CORS is off. */
  readonly allowedOrigins?: string;
  /** Configuration's `spec.api`: routes it denies are not served and fall to `fallback`, which is the group `invoke`. */
  readonly access?: ApiAccess;
  /** Absent: calls are not logged. */
  readonly apiLog?: ApiLogOptions | undefined;
  /** Told of each request as it begins. Absent: they are not counted. */
  readonly meter?: { begin(exchange: HttpExchange, route: Route | undefined): void } | undefined;
  /** Records calls but health checks as spans. Absent: nobody does. */
  readonly tracer?: Tracer | undefined;
  /** Told the code of each error that is answered. */
  readonly onError?: ((errorCode: string) => void) | undefined;
  /** Takes secrets out of the text of an error that is answered. Default: there are none. */
  readonly hideSecrets?: (text: string) => string;
}

export interface HttpServer {
  /** From now on requests go by these rules and are logged so; those under way by the ones before. */
  reconfigure(change: Pick<HttpServerOptions, 'access' | 'apiLog'>): void;
  /** Binds every address; resolves to the port. Rejects with a ListenError, and then nothing is bound. */
  listen(): Promise<number>;
  /** Takes no more connections, lets requests in flight end for `graceMs`, then cuts them off. Resolves when all are gone. */
  close(graceMs: number): Promise<void>;
}

const defaultFlags: ListenFlags = { port: '--dapr-http-port', address: '--dapr-listen-addresses' };
const noParams: string[] = [];
/** What the fallback is to Configuration's rules, in either of their forms. */
const invokeApi = { api: { name: 'invoke', version: 'v1' }, pattern: '/v1.0/invoke/' };
/** Go's servers read this much more than their limit says. */
const headerSlack = 4096;

/** The HTTP API over any routes; also the public port's, with fewer routes. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  return new ApiServer(options);
}

/** What Configuration's rules leave open. */
function permitted(
  { routes, fallback = answerNotFound }: Pick<HttpServerOptions, 'routes' | 'fallback'>,
  access: ApiAccess | undefined,
): { readonly router: Router; readonly fallback: NonNullable<HttpServerOptions['fallback']> } {
  if (access === undefined) return { router: new Router(routes), fallback };
  return {
    router: new Router(routes.filter((route) => isApiAllowed(route, access))),
    fallback: isApiAllowed(invokeApi, access) ? fallback : answerNotFound,
  };
}

class ApiServer implements HttpServer {
  readonly #options: HttpServerOptions;
  #router: Router;
  #fallback: (exchange: HttpExchange) => Promise<void> | void;
  readonly #maxBodySize: number;
  readonly #logger: Logger;
  readonly #hasToken: ((exchange: HttpExchange) => boolean) | undefined;
  readonly #cors: ((exchange: HttpExchange) => boolean) | undefined;
  #apiLog: ((exchange: HttpExchange, route: Route | undefined) => void) | undefined;
  readonly #servers: { readonly server: Server; readonly http2: CleartextHttp2 | undefined }[] = [];
  readonly #sockets = new Set<Socket>();
  #draining = false;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    const { router, fallback } = permitted(options, options.access);
    this.#router = router;
    this.#fallback = fallback;
    this.#maxBodySize = options.maxBodySize ?? 4 * 1024 * 1024;
    this.#logger = options.logger;
    this.#hasToken = options.apiToken ? tokenCheck(options.apiToken) : undefined;
    this.#cors = corsFor(options.allowedOrigins ?? '');
    this.#apiLog = options.apiLog && apiLog(options.apiLog);
  }

  reconfigure({ access, apiLog: logging }: Pick<HttpServerOptions, 'access' | 'apiLog'>): void {
    const { router, fallback } = permitted(this.#options, access);
    this.#router = router;
    this.#fallback = fallback;
    this.#apiLog = logging && apiLog(logging);
  }

  async listen(): Promise<number> {
    const { addresses = [], port = 0, socketPath, flags = defaultFlags } = this.#options;
    const endpoints: readonly Endpoint[] =
      socketPath === undefined ? addresses.map((host) => ({ host, port })) : [{ socketPath }];
    try {
      return await listenOnEach(endpoints, flags, (endpoint) => this.#listen(endpoint, flags));
    } catch (error) {
      await this.close(0);
      throw error;
    }
  }

  async #listen(endpoint: Endpoint, flags: ListenFlags): Promise<number> {
    const { headersTimeout = 10_000, readBufferSize = 4096, http2 = true } = this.#options;
    const maxHeaderSize = readBufferSize + headerSlack;
    const handler = (request: IncomingMessage, response: ServerResponse) => this.#serve(request, response);
    const server = createServer(
      {
        maxHeaderSize,
        headersTimeout,
        // bodies may come for as long as they like, and idle clients stay until they leave
        requestTimeout: 0,
        keepAliveTimeout: 0,
        keepAlive: true,
        ...((this.#options.meter ?? this.#options.apiLog) && {
          ServerResponse: CountedResponse as typeof ServerResponse,
        }),
        connectionsCheckingInterval: Math.min(1000, headersTimeout),
      },
      handler,
    );
    server.on('clientError', refuse);
    const entry = {
      server,
      http2: http2 ? serveCleartextHttp2(server, handler, { maxHeaderSize, headersTimeout }) : undefined,
    };
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    const port = await listen(server, endpoint, flags);
    this.#servers.push(entry);
    server.on('error', (error) => this.#logger.error(`HTTP server: ${error.message}`));
    return port;
  }

  async close(graceMs: number): Promise<void> {
    this.#draining = true;
    const closed = this.#servers.map(
      ({ server }) =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
        }),
    );
    for (const { http2 } of this.#servers) http2?.close();
    this.#endAfterAnswer();
    // connections on which the last answer has just gone out
    const idleCheck = setInterval(() => {
      for (const { server } of this.#servers) server.closeIdleConnections();
    }, 25);
    const cut = setTimeout(() => {
      for (const { http2 } of this.#servers) http2?.destroy();
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await Promise.all(closed);
    clearInterval(idleCheck);
    clearTimeout(cut);
  }

  /** Lets answers that have not begun say `connection: close`, and hangs up on whoever has not asked for anything. */
  #endAfterAnswer(): void {
    for (const socket of this.#sockets) {
      const answer = (socket as Socket & { readonly _httpMessage?: ServerResponse })._httpMessage;
      if (answer && !answer.headersSent) answer.shouldKeepAlive = false;
      else if (socket.bytesRead === 0) socket.destroy();
    }
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const target = originForm(request.url ?? '/');
    const mark = target.indexOf('?');
    const path = cleanPath(mark === -1 ? target : target.slice(0, mark));
    const params: string[] = [];
    const route = this.#router.find(request.method ?? '', path, params);
    const query = mark === -1 ? '' : target.slice(mark + 1);
    const exchange = new Exchange(request, response, route ? params : noParams, path, query, this.#maxBodySize);
    if (this.#draining) response.shouldKeepAlive = false;
    try {
      this.#options.meter?.begin(exchange, route);
      this.#apiLog?.(exchange, route);
      if (!this.#isAdmitted(exchange, route)) return;
      const { tracer } = this.#options;
      if (tracer !== undefined && !route?.healthCheck) traceRequest(tracer, exchange, route);
      if (route === undefined) removeHeader(request, apiTokenHeader);
      else for (const [index, param] of params.entries()) params[index] = unescapeText(param) ?? param;
      const done = route === undefined ? this.#fallback(exchange) : route.handle(exchange);
      if (done !== undefined) done.catch((error: unknown) => this.#failed(exchange, error));
    } catch (error) {
      this.#failed(exchange, error);
    }
  }

  /** Whether a request may go on; when not, it has been answered. */
  #isAdmitted(exchange: HttpExchange, route: Route | undefined): boolean {
    if (exchange.path.includes('%') && hasBrokenEscape(exchange.path)) {
      replyText(exchange, 400, '400 Bad Request');
      return false;
    }
    if (this.#cors?.(exchange)) return false;
    if (this.#hasToken !== undefined && !route?.healthCheck && !this.#hasToken(exchange)) {
      replyText(exchange, 401, 'invalid api token');
      return false;
    }
    return true;
  }

  #failed(exchange: HttpExchange, error: unknown): void {
    try {
      const { hideSecrets, onError } = this.#options;
      if (onError !== undefined) onError(error instanceof ApiError ? error.errorCode : 'ERR_INTERNAL');
      replyError(exchange, error, this.#logger, hideSecrets);
    } catch (failure) {
      this.#logger.error(`an error could not be answered: ${String(failure)}`);
      exchange.response.destroy();
    }
  }
}

function answerNotFound(exchange: HttpExchange): void {
  replyText(exchange, 404, '404 page not found');
}
