import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Server, ServerCredentials, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { MethodDescription } from '@outrigger/grpc';
import { ServerReflectionV1AlphaDefinition, type ServerReflectionRequest } from '@outrigger/protocol/reflection';
import { onTestFinished } from 'vitest';

/** A service as the protocol compiler describes it. */
interface Definition {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDescription<unknown, unknown>>>;
}

/** A folder for sockets, gone after the test. */
export function socketsFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-u-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * A pluggable component over the gRPC library for Node.js, as somebody else would write it; it has the methods that are given, and
 * reflection. It ends with the test.
 */
export async function stockComponent(
  socket: string,
  services: readonly (readonly [Definition, UntypedServiceImplementation])[],
): Promise<Server> {
  const server = new Server();
  for (const [{ fullName, methods }, implementation] of services) add(server, fullName, methods, implementation);
  const listing = {
    listServicesResponse: { service: services.map(([{ fullName: name }]) => ({ name })) },
  };
  add(server, ServerReflectionV1AlphaDefinition.fullName, ServerReflectionV1AlphaDefinition.methods, {
    serverReflectionInfo: (call: {
      on(event: string, listener: (request: ServerReflectionRequest) => void): void;
      write(answer: unknown): void;
      end(): void;
    }) => {
      call.on('data', (originalRequest) => call.write({ validHost: '', originalRequest, ...listing }));
      call.on('end', () => call.end());
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  onTestFinished(() => server.forceShutdown());
  return server;
}

function add(
  server: Server,
  service: string,
  methods: Readonly<Record<string, MethodDescription<unknown, unknown>>>,
  implementation: UntypedServiceImplementation,
): void {
  const definition = Object.entries(methods).map(([key, { name, requestType, responseType, ...streams }]) => [
    key,
    {
      path: `/${service}/${name}`,
      requestStream: streams.requestStream,
      responseStream: streams.responseStream,
      requestSerialize: (message: unknown) => Buffer.from(requestType.encode(message).finish()),
      requestDeserialize: (bytes: Buffer) => requestType.decode(bytes),
      responseSerialize: (message: unknown) => Buffer.from(responseType.encode(message).finish()),
      responseDeserialize: (bytes: Buffer) => responseType.decode(bytes),
    },
  ]);
  server.addService(Object.fromEntries(definition) as Parameters<Server['addService']>[0], implementation);
}
