import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { errorMessage } from '@outrigger/core';

import { Access } from './http/access.ts';
import { type Exchange, replyJson } from './http/exchange.ts';
import { HttpError } from './http/http-error.ts';
import { isPageFile, replyPageFile } from './http/page-files.ts';
import { Router } from './http/router.ts';
import { securityHeaders } from './http/security-headers.ts';
import type { DashboardInstance } from './instances/dashboard-instance.ts';
import { Instances } from './instances/instances.ts';
import { instanceRoutes } from './instances/routes.ts';
import { logRoutes } from './logs/routes.ts';
import { stateRoutes } from './state/routes.ts';
import { topicRoutes } from './topics/routes.ts';
import { receiveTraces } from './traces/otlp-receiver.ts';
import { traceRoutes } from './traces/routes.ts';
import { TraceStore, type TraceStoreOptions } from './traces/trace-store.ts';

export interface DashboardOptions {
  /** What runs; asked again with each request. */
  readonly instances: () => readonly DashboardInstance[] | Promise<readonly DashboardInstance[]>;
  /** On 127.0.0.1. Default: a free one. */
  readonly port?: number;
  /** Lets in whoever has it. Default: a random one, which is new with each start. */
  readonly token?: string;
  /** Bounds of what is kept of the traces that are sent here. */
  readonly traces?: TraceStoreOptions;
}

/** A dashboard that is being served. Disposal ends it, with all that browsers watch. */
export interface RunningDashboard extends AsyncDisposable {
  readonly port: number;
  /** To be opened in a browser; the token is in it. */
  readonly url: string;
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`; `/v1/traces` below it takes traces without a token, from programs of this machine. */
  readonly otlpEndpoint: string;
}

/** Serves the dashboard on 127.0.0.1. Rejects when the port is taken. */
export async function serveDashboard(options: DashboardOptions): Promise<RunningDashboard> {
  const { port: wanted = 0, token = randomBytes(32).toString('base64url') } = options;
  if (token.length < 16) throw new Error('the token of the dashboard needs 16 characters or more');
  const server = createServer();
  server.listen(wanted, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const dashboard = new Dashboard(options, new Access(token, port));
  server.on('request', (request, response) => void dashboard.handle(request, response));
  return {
    port,
    url: `http://127.0.0.1:${port}/?token=${encodeURIComponent(token)}`,
    otlpEndpoint: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

class Dashboard {
  readonly #access: Access;
  readonly #router: Router;
  readonly #traces: TraceStore;

  constructor({ instances, traces }: DashboardOptions, access: Access) {
    const known = new Instances(instances);
    this.#access = access;
    this.#traces = new TraceStore(traces);
    this.#router = new Router([
      ...instanceRoutes(known),
      ...logRoutes(known),
      ...stateRoutes(known),
      ...topicRoutes(known),
      ...traceRoutes(this.#traces),
    ]);
  }

  /** Resolves once it is answered, whatever happens. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    try {
      this.#access.checkHost(request);
      const url = urlOf(request);
      await this.#answer({ request, response, url, params: {}, signal: gone.signal });
    } catch (error) {
      refuse(response, error);
    }
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { request, url } = exchange;
    const { method = 'GET' } = request;
    if (url.pathname === '/v1/traces' && method === 'POST') {
      this.#access.refuseBrowsers(request);
      return receiveTraces(exchange, this.#traces);
    }
    const token = url.searchParams.get('token');
    if (url.pathname === '/' && method === 'GET' && token !== null) return this.#letIn(exchange, token);
    this.#access.checkOrigin(request);
    this.#access.checkCookie(request);
    if (method === 'GET' && isPageFile(url.pathname)) return replyPageFile(exchange);
    const { route, params } = this.#router.find(method, url.pathname);
    await route.handle({ ...exchange, params });
  }

  /**
   * The page is then opened by this answer and not by a redirection: a browser that was sent here by a link of another site would show
   * the cookie to neither. The address with the token is not in its history after that.
   */
  #letIn({ response }: Exchange, token: string): void {
    if (!this.#access.isToken(token)) {
      throw new HttpError(401, 'the token is another one by now; open the address that the command has printed');
    }
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'set-cookie': this.#access.cookie });
    response.end('<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>Outrigger</title>');
  }
}

function urlOf({ url = '/' }: IncomingMessage): URL {
  const found = url.startsWith('/') ? URL.parse(`http://localhost${url}`) : null;
  if (found === null) throw new HttpError(400, 'the address cannot be read');
  return found;
}

function refuse(response: ServerResponse, error: unknown): void {
  const status = error instanceof HttpError ? error.status : 500;
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  // what is left of the request is not read
  response.setHeader('connection', 'close');
  replyJson({ response }, { message: errorMessage(error) }, status);
}
