import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import { type MethodDefinition, Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** What a span tells, ids in hexadecimal. */
export interface CollectedSpan {
  /** `service.name`. */
  readonly service: string;
  readonly name: string;
  readonly kind: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it is the first. */
  readonly parentId: string;
  readonly traceState: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Why it failed; `undefined`: it did not. */
  readonly error: string | undefined;
}

interface KeyValue {
  readonly key: string;
  readonly value?: Readonly<Record<string, unknown>>;
}
interface ExportRequest {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly KeyValue[] };
    readonly scopeSpans?: readonly {
      readonly spans?: readonly {
        readonly name: string;
        readonly kind: string;
        readonly traceId: Buffer;
        readonly spanId: Buffer;
        readonly parentSpanId: Buffer;
        readonly traceState: string;
        readonly attributes?: readonly KeyValue[];
        readonly status?: { readonly code: number; readonly message: string };
      }[];
    }[];
  }[];
}

const protocol = loadSync(fileURLToPath(new URL('otlp.proto', import.meta.url)), { enums: String, defaults: true });
const service = protocol['opentelemetry.proto.collector.trace.v1.TraceService'] as unknown as {
  readonly Export: MethodDefinition<ExportRequest, object>;
};

/** Takes traces as an OpenTelemetry collector does, over HTTP in protobuf and over gRPC. */
export class Collector implements AsyncDisposable {
  readonly spans: CollectedSpan[] = [];
  readonly #http: Server;
  readonly #grpc: GrpcServer;
  readonly #grpcPort: number;

  private constructor(http: Server, grpc: GrpcServer, grpcPort: number) {
    this.#http = http;
    this.#grpc = grpc;
    this.#grpcPort = grpcPort;
  }

  static async start(): Promise<Collector> {
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const grpc = new GrpcServer();
    const port = await new Promise<number>((resolve, reject) =>
      grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    const collector = new Collector(http, grpc, port);
    http.on('request', (request, response) => {
      void buffer(request).then((body) => {
        const isTraces = request.url === '/v1/traces' && request.headers['content-type'] === 'application/x-protobuf';
        if (isTraces) {
          const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
          collector.#take(service.Export.requestDeserialize(bytes));
        }
        response.writeHead(isTraces ? 200 : 404).end();
      });
    });
    grpc.addService(
      { Export: service.Export },
      {
        Export: (call: { request: ExportRequest }, answer: (error: null, response: object) => void) => {
          collector.#take(call.request);
          answer(null, {});
        },
      },
    );
    return collector;
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  get grpcUrl(): string {
    return `http://127.0.0.1:${this.#grpcPort}`;
  }

  trace(traceId: string): CollectedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#grpc.forceShutdown();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #take({ resourceSpans = [] }: ExportRequest): void {
    for (const { resource, scopeSpans = [] } of resourceSpans) {
      const owner = String(attributesOf(resource?.attributes)['service.name']);
      for (const span of scopeSpans.flatMap(({ spans = [] }) => spans)) {
        this.spans.push({
          service: owner,
          name: span.name,
          kind: span.kind,
          traceId: span.traceId.toString('hex'),
          spanId: span.spanId.toString('hex'),
          parentId: span.parentSpanId.toString('hex'),
          traceState: span.traceState,
          attributes: attributesOf(span.attributes),
          error: span.status?.code === 2 ? span.status.message : undefined,
        });
      }
    }
  }
}

function attributesOf(entries: readonly KeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(entries.map(({ key, value = {} }) => [key, Object.values(value)[0]]));
}
