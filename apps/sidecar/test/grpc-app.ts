import {
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type StatusObject,
} from '@grpc/grpc-js';
import {
  AppCallbackAlphaDefinition,
  AppCallbackDefinition,
  AppCallbackHealthCheckDefinition,
} from '@outrigger/protocol/runtime';
import { type GrpcStatusName, grpcStatus } from '@outrigger/runtime';
import { onTestFinished } from 'vitest';

import type { MethodDescription } from '@outrigger/grpc';

type AppMethods = typeof AppCallbackDefinition.methods &
  typeof AppCallbackAlphaDefinition.methods &
  typeof AppCallbackHealthCheckDefinition.methods;

type Message<D> = D extends { decode(bytes: Uint8Array): infer T } ? T : never;

/** What the app does for each method; those that are missing are UNIMPLEMENTED. */
export type GrpcAppHandlers = {
  [M in keyof AppMethods]?: (
    request: Message<AppMethods[M]['requestType']>,
    call: ServerUnaryCall<unknown, unknown>,
  ) => Answer<AppMethods[M]> | Promise<Answer<AppMethods[M]>>;
};

type Answer<D extends { responseType: unknown }> = Message<D['responseType']>;

export interface GrpcApp {
  readonly port: number;
  /** Ends it at once, calls in flight with it. */
  stop(): void;
}

/** An error with which a handler ends its call. */
export class Failure extends Error implements Partial<StatusObject> {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;

  constructor(status: GrpcStatusName, details: string, metadata: Readonly<Record<string, string | Buffer>> = {}) {
    super(details);
    this.code = grpcStatus[status];
    this.details = details;
    this.metadata = new Metadata();
    for (const [name, value] of Object.entries(metadata)) this.metadata.set(name, value);
  }
}

export interface GrpcAppOptions {
  /** Default: a free one. */
  readonly port?: number;
  readonly credentials?: ServerCredentials;
}

/** An app over the gRPC library, with the services that Dapr calls; gone when the test ends. */
export async function startGrpcApp(handlers: GrpcAppHandlers, options: GrpcAppOptions = {}): Promise<GrpcApp> {
  const server = new Server();
  for (const service of [AppCallbackDefinition, AppCallbackAlphaDefinition, AppCallbackHealthCheckDefinition]) {
    const definition: Record<string, MethodDefinition<unknown, unknown>> = {};
    const implementation: Record<string, handleUnaryCall<unknown, unknown>> = {};
    // Each method's codecs agree with each other; nobody looks at the types in between.
    const methods = service.methods as unknown as Readonly<Record<string, MethodDescription<unknown, unknown>>>;
    for (const [key, method] of Object.entries(methods)) {
      if (!(key in handlers)) continue;
      definition[method.name] = definitionOf(service.fullName, method);
      implementation[method.name] = handler(handlers[key as keyof AppMethods] as Handler);
    }
    if (Object.keys(definition).length > 0) server.addService(definition, implementation);
  }
  const credentials = options.credentials ?? ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${options.port ?? 0}`, credentials, (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const stop = () => server.forceShutdown();
  onTestFinished(stop);
  return { port, stop };
}

type Handler = (request: unknown, call: ServerUnaryCall<unknown, unknown>) => unknown;

function definitionOf(service: string, { name, requestType, responseType }: MethodDescription<unknown, unknown>) {
  const encoded = (message: unknown): Buffer => Buffer.from(responseType.encode(message).finish());
  return {
    path: `/${service}/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: encoded,
    requestDeserialize: (bytes: Buffer): unknown => requestType.decode(bytes),
    responseSerialize: encoded,
    responseDeserialize: (bytes: Buffer) => bytes,
  };
}

function handler(handle: Handler): handleUnaryCall<unknown, unknown> {
  return (call, answered) => {
    const answer = async () => handle(call.request, call);
    answer().then(
      (message) => answered(null, message),
      (error: Failure) => answered(error),
    );
  };
}
