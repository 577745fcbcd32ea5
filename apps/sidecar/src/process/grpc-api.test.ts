import { silentLogger } from '@outrigger/core';
import { DaprDefinition } from '@outrigger/protocol/runtime';
import { createRuntime } from '@outrigger/runtime';
import { describe, expect, it, onTestFinished } from 'vitest';

import { serveGrpc } from '@outrigger/grpc/testing';
import type { Service } from '@outrigger/grpc';
import { grpcApi } from './grpc-api.ts';

/** How a call with an empty message, and no further one, ends. */
interface Ending {
  readonly code: number;
  readonly message: string;
}

async function servicesOf(): Promise<readonly Service[]> {
  const runtime = await createRuntime({ appId: 'orders', logger: silentLogger, env: {} });
  onTestFinished(() => runtime[Symbol.asyncDispose]());
  return grpcApi({
    runtime,
    metadata: { runtime, runtimeVersion: '1.18.0', extended: new Map() },
    health: { appId: 'orders', notReady: () => [], components: () => [], isOutboundReady: () => true },
    control: { shutdown: () => {}, exitNow: () => {} },
  });
}

describe('the gRPC API', () => {
  it('has every method of Dapr once', async () => {
    const [dapr] = await servicesOf();
    const names = Object.values(DaprDefinition.methods).map(({ name }) => name);
    expect(names).toHaveLength(72);
    expect(dapr?.name).toBe('dapr.proto.runtime.v1.Dapr');
    expect(dapr?.methods.map(({ description }) => description.name).toSorted()).toEqual(names.toSorted());
  });

  it('answers every method deliberately: with success, with a status of its own, or by saying what is missing', async () => {
    const faults: string[] = [];
    const logger = { ...silentLogger, error: (message: string) => void faults.push(message) };
    const { client } = await serveGrpc({ services: await servicesOf(), logger });
    const bytes = (message: Buffer) => message;
    const end = (name: string): Promise<Ending> =>
      new Promise((resolve) => {
        const call = client.makeBidiStreamRequest(`/${DaprDefinition.fullName}/${name}`, bytes, bytes);
        call.on('data', () => {}).on('error', () => {});
        call.on('status', ({ code, details }) => resolve({ code, message: details }));
        call.end(Buffer.of());
      });

    const names = Object.values(DaprDefinition.methods).map(({ name }) => name);
    const endings = await Promise.all(names.map(end));
    expect(faults).toEqual([]);
    for (const [index, { code, message }] of endings.entries()) {
      const name = names[index] ?? '';
      if (code !== 0) expect(message, name).toMatch(/\w+ \w+/);
      // UNIMPLEMENTED is also Dapr's word for a store that cannot do it
      if (code === 12) expect(message, name).toMatch(`${name} was called`);
    }
  });
});
