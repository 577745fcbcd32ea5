import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import {
  type GrpcObject,
  loadPackageDefinition,
  type Metadata,
  Server as GrpcServer,
  ServerCredentials,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const protos = fileURLToPath(new URL('../../node_modules/@outrigger/protocol/proto', import.meta.url));
const canoes = fileURLToPath(new URL('../proto/canoes/v1/canoes.proto', import.meta.url));
const files = ['dapr/proto/runtime/v1/dapr.proto', 'dapr/proto/runtime/v1/appcallback.proto', canoes];
const loaded = loadPackageDefinition(loadSync(files, { includeDirs: [protos], defaults: true })) as unknown as {
  readonly dapr: { readonly proto: { readonly runtime: { readonly v1: Record<string, ServiceClientConstructor> } } };
  readonly canoes: { readonly v1: Record<string, ServiceClientConstructor> };
} & GrpcObject;

/** Clients and services of the API, of apps that speak gRPC, and of one such app's own. */
const services = { ...loaded.dapr.proto.runtime.v1, ...loaded.canoes.v1 } as {
  readonly Dapr: ServiceClientConstructor;
  readonly AppCallback: ServiceClientConstructor;
  readonly Canoes: ServiceClientConstructor;
};
const { AppCallback } = services;
export const { Dapr, Canoes } = services;

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An app over HTTP that keeps what it is asked; `answer` does the rest. */
export class HttpApp implements AsyncDisposable {
  readonly received: Received[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(answer: (asked: Received) => Promise<unknown>): Promise<HttpApp> {
    const server = createServer();
    const app = new HttpApp(server);
    server.on('request', (request, response) => {
      void text(request).then(async (body) => {
        const asked = { path: request.url ?? '', headers: request.headers, body };
        app.received.push(asked);
        const value = await answer(asked);
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value ?? {}));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return app;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The last time that it was asked this. */
  last(path: string): Received | undefined {
    return this.received.findLast((one) => one.path === path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

interface GrpcCall {
  readonly request: Readonly<Record<string, unknown>>;
  readonly metadata: Metadata;
}
type Answer = (error: null, message: object) => void;

/** An app over gRPC that subscribes to `topic`, and serves Canoes. */
export class GrpcApp implements Disposable {
  readonly received = new Map<string, GrpcCall>();
  readonly port: number;
  readonly #server: GrpcServer;

  private constructor(server: GrpcServer, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(pubsubName: string, topic: string): Promise<GrpcApp> {
    const server = new GrpcServer();
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    const app = new GrpcApp(server, port);
    const kept =
      (name: string, message: object = {}) =>
      (call: GrpcCall, answer: Answer) => {
        app.received.set(name, call);
        answer(null, message);
      };
    server.addService(AppCallback.service, {
      ListTopicSubscriptions: (_: unknown, answer: Answer) => answer(null, { subscriptions: [{ pubsubName, topic }] }),
      ListInputBindings: (_: unknown, answer: Answer) => answer(null, {}),
      OnTopicEvent: kept('event'),
    });
    server.addService(Canoes.service, { Get: kept('canoe', { name: 'Hokulea', number: 1 }) });
    return app;
  }

  [Symbol.dispose](): void {
    this.#server.forceShutdown();
  }
}
