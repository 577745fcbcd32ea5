import { type AddressInfo, createServer } from 'node:net';

import { type CallOptions, Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { silentLogger } from '@outrigger/core';
import { onTestFinished } from 'vitest';

import { createGrpcServer, type GrpcServerOptions } from '../src/server.ts';
import type { MethodDescription } from '../src/service.ts';

export interface Called {
  readonly port: number;
  readonly client: Client;
  /** Calls a method with one request and one answer; rejects with the library's error. */
  call<I, O>(
    service: string,
    method: MethodDescription<I, O>,
    request: I,
    metadata?: Readonly<Record<string, string | Buffer>>,
    options?: CallOptions,
  ): Promise<O>;
}

/** A gRPC server on a free loopback port with a client of the gRPC library, both gone when the test ends. */
export async function serveGrpc(options: Partial<GrpcServerOptions>): Promise<Called> {
  const grpc = createGrpcServer({ services: [], logger: silentLogger, ...options });
  const server = createServer((socket) => grpc.inject(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  onTestFinished(() => {
    client.close();
    grpc.end();
    server.close();
  });
  return {
    port,
    client,
    call: (service, { name, requestType, responseType }, request, metadata = {}, callOptions = {}) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          `/${service}/${name}`,
          (message: typeof request) => Buffer.from(requestType.encode(message).finish()),
          (bytes) => responseType.decode(bytes),
          request,
          metadataOf(metadata),
          callOptions,
          (error: ServiceError | null, answer) => {
            if (answer === undefined) reject(error ?? new Error('neither an answer nor an error'));
            else resolve(answer);
          },
        );
      }),
  };
}

export function metadataOf(entries: Readonly<Record<string, string | Buffer>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(entries)) metadata.set(name, value);
  return metadata;
}
