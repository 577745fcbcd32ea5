// A gRPC server in a process of its own, for tests that look at its memory. To be forked with --expose-gc. Tells its port, and for
// each message what is in use then.
import { type AddressInfo, createServer } from 'node:net';

import { silentLogger } from '@outrigger/core';

import { createGrpcServer } from '../src/server.ts';
import { stream, unary } from '../src/service.ts';
import { bytesMethod, serviceOf } from './bytes-service.ts';

/** What the server tells. */
export interface BytesServerReport {
  readonly port: number;
  /** Streams at work. */
  readonly working: number;
  /** Bytes in use after everything was collected that could be. */
  readonly memory: number;
}

let working = 0;
const talk = stream(bytesMethod('Talk', 'both'), async function* (requests) {
  working++;
  try {
    for await (const request of requests) yield request;
  } finally {
    working--;
  }
});
const grpc = createGrpcServer({
  services: [
    serviceOf(
      talk,
      unary(bytesMethod('Ask'), (request: Buffer) => request),
    ),
  ],
  logger: silentLogger,
});
const server = createServer((socket) => grpc.inject(socket));

async function report(): Promise<void> {
  // What the end of a stream leaves for later has to have happened.
  for (let round = 0; round < 4; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc?.();
  }
  const { heapUsed, external } = process.memoryUsage();
  const told: BytesServerReport = {
    port: (server.address() as AddressInfo).port,
    working,
    memory: heapUsed + external,
  };
  process.send?.(told);
}

process.on('message', () => void report());
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => void report());
