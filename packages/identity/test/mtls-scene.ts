import { type AddressInfo, createServer, type Socket } from 'node:net';

import { type Logger, silentLogger } from '@outrigger/core';
import { stream, unary } from '@outrigger/grpc';
import { GrpcClient, type PeerTls } from '@outrigger/grpc/client';
import { createGrpcServer, type GrpcServer } from '@outrigger/grpc/server';
import { bytesMethod, serviceOf, testService } from '@outrigger/grpc/testing';
import { acceptTls } from '@outrigger/grpc/tls';
import { noMetrics, type PeerIdentity } from '@outrigger/runtime';
import { onTestFinished } from 'vitest';

import { MutualTls, type MutualTlsOptions } from '../src/mutual-tls.ts';
import { fixedTrustAnchors } from '../src/trust-anchors.ts';
import type { TestSentry } from './test-sentry.ts';

const never = new AbortController().signal;

/** What the options of an app's mutual TLS are in most tests. */
export function optionsOf(sentry: TestSentry, appId: string, more: Partial<MutualTlsOptions> = {}): MutualTlsOptions {
  return {
    address: sentry.address,
    controlPlaneTrustDomain: 'localhost',
    controlPlaneNamespace: 'default',
    trustAnchors: fixedTrustAnchors(sentry.authority.root, 'the test'),
    appId,
    namespace: 'default',
    trustDomain: 'public',
    token: { file: undefined, kubernetes: false },
    logger: silentLogger,
    metrics: noMetrics,
    ...more,
  };
}

/** An app's mutual TLS, gone when the test ends. */
export async function startMutualTls(...args: Parameters<typeof optionsOf>): Promise<MutualTls> {
  const mutualTls = await MutualTls.start(optionsOf(...args), never);
  onTestFinished(() => mutualTls[Symbol.asyncDispose]());
  return mutualTls;
}

export interface Served {
  readonly address: string;
  readonly grpc: GrpcServer;
  /** Who called, one entry a call. */
  readonly callers: (PeerIdentity | undefined)[];
  readonly warnings: string[];
  connections: number;
}

/** Answers `echo`, and `wait` once `release` was called; over TLS where it is given. */
export async function serve(tls: PeerTls | undefined): Promise<Served> {
  const warnings: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (text) => void warnings.push(text) };
  const callers: (PeerIdentity | undefined)[] = [];
  const grpc = createGrpcServer({
    services: [
      serviceOf(
        unary(bytesMethod('echo'), (request: Buffer, { peer }) => {
          callers.push(peer);
          return request;
        }),
        stream(bytesMethod('echoAll', 'both'), (requests: AsyncIterable<Buffer>) => requests),
      ),
    ],
    logger,
  });
  const open = new Set<Socket>();
  const accept =
    tls === undefined
      ? (socket: Socket) => grpc.inject(socket)
      : acceptTls({
          tls,
          onConnection: (socket, peer) => grpc.inject(socket, peer),
          plaintextHint: 'start the caller with --enable-mtls',
          logger,
        });
  const served: Served = { address: '', grpc, callers, warnings, connections: 0 };
  const server = createServer((socket) => {
    served.connections++;
    open.add(socket);
    socket.on('error', () => {}).once('close', () => open.delete(socket));
    accept(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    grpc.end();
    for (const socket of open) socket.destroy();
    server.close();
  });
  return Object.assign(served, { address: `127.0.0.1:${(server.address() as AddressInfo).port}` });
}

export function clientOf(address: string, tls?: PeerTls): GrpcClient {
  const client = new GrpcClient({ address, ...(tls && { tls }) });
  onTestFinished(() => client.close());
  return client;
}

/** Calls `echo`; rejects when that fails. */
export async function echo(client: GrpcClient, text: string): Promise<string> {
  await client.connected();
  const call = client.call(`/${testService}/echo`, {});
  call.end(Buffer.from(text));
  const answer = await call.read();
  if (answer === undefined) throw new Error(`${call.status.status}: ${call.status.message}`);
  call.ignoreRest();
  return answer.toString();
}
