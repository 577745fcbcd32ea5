import { status } from '@grpc/grpc-js';
import { DaprDefinition } from '@outrigger/protocol/runtime';
import { LockBlock } from '@outrigger/runtime';
import { expect, test } from 'vitest';

import { serveGrpc } from '@outrigger/grpc/testing';
import { MapLocks } from '../../../test/map-locks.ts';
import { lockMethods } from './grpc.ts';

const { tryLockAlpha1, unlockAlpha1 } = DaprDefinition.methods;
const dapr = DaprDefinition.fullName;

async function served() {
  const store = new MapLocks();
  const block = new LockBlock([{ name: 'locks', store, properties: {} }], { appId: 'shop' });
  const methods = lockMethods({ lock: (name) => block.store(name) });
  return { store, ...(await serveGrpc({ services: [{ name: dapr, methods }] })) };
}

const order = { storeName: 'locks', resourceId: 'order-1', lockOwner: 'a' };

test('a lock is taken, refused and released', async () => {
  const { call, store } = await served();
  const request = { ...order, expiryInSeconds: 60 };
  expect(await call(dapr, tryLockAlpha1, request)).toEqual({ success: true });
  expect(await call(dapr, tryLockAlpha1, request)).toEqual({ success: false });
  expect([...store.owners]).toEqual([['lock||shop||order-1', 'a']]);
  expect(await call(dapr, unlockAlpha1, { ...order, lockOwner: 'b' })).toEqual({ status: 2 });
  expect(await call(dapr, unlockAlpha1, order)).toEqual({ status: 0 });
  expect(await call(dapr, unlockAlpha1, order)).toEqual({ status: 1 });
});

test.each([
  ['an unknown store', { storeName: 'other' }, status.INVALID_ARGUMENT, 'lock store other not found'],
  ['no time', { expiryInSeconds: 0 }, status.INVALID_ARGUMENT, 'ExpiryInSeconds is not positive in lock store locks'],
  ['no owner', { lockOwner: '' }, status.INVALID_ARGUMENT, 'LockOwner is empty in lock store locks'],
  ['a failure', { lockOwner: 'nobody' }, status.INTERNAL, 'failed to try acquiring lock: disk on fire'],
])('%s has Dapr’s status', async (_, wrong, code, details) => {
  const { call } = await served();
  const request = { ...order, expiryInSeconds: 1, ...wrong };
  await expect(call(dapr, tryLockAlpha1, request)).rejects.toMatchObject({ code, details });
});
