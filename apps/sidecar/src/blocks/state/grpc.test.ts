import type { MethodDescription } from '../../grpc/service.ts';
import { DaprDefinition } from '@outrigger/protocol/runtime';
import { describe, expect, test } from 'vitest';

import { serveGrpc } from '../../../test/called.ts';
import { blocks } from '../../../test/map-stores.ts';
import { stateMethods } from './grpc.ts';

const { fullName, methods } = DaprDefinition;

async function api() {
  const { call } = await serveGrpc({ services: [{ name: fullName, methods: stateMethods(blocks()) }] });
  return <I, O>(method: MethodDescription<I, O>, request: I) => call(fullName, method, request);
}

const get = { storeName: 'orders', key: 'k', consistency: 0, metadata: {} } as const;
const item = { key: 'k', value: Buffer.from('v'), metadata: {} };

describe('reading and writing one key', () => {
  test('any bytes come back as they were sent, with their etag', async () => {
    const call = await api();
    const value = Buffer.from([0, 255, 1, 128]);
    await call(methods.saveState, { storeName: 'orders', states: [{ ...item, value }] });
    expect(await call(methods.getState, get)).toEqual({ data: value, etag: '1', metadata: {} });
  });

  test('a missing key is an empty answer', async () => {
    const call = await api();
    expect(await call(methods.getState, get)).toEqual({ data: Buffer.alloc(0), etag: '', metadata: {} });
  });
});
