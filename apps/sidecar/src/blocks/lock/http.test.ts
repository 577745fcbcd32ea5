import { LockBlock } from '@outrigger/runtime';
import { expect, test } from 'vitest';

import { MapLocks } from '../../../test/map-locks.ts';
import { serve } from '../../../test/served.ts';
import { lockRoutes } from './http.ts';

async function served() {
  const store = new MapLocks();
  const block = new LockBlock([{ name: 'locks', store, properties: {} }], { appId: 'shop' });
  const { url } = await serve({ routes: lockRoutes({ lock: (name) => block.store(name) }) });
  const post = async (path: string, body: unknown) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await fetch(`${url}/v1.0-alpha1/${path}`, { method: 'POST', body: text });
    return { status: answer.status, body: await answer.json() };
  };
  return { store, post };
}

const order = { resourceId: 'order-1', lockOwner: 'a' };

test('a lock is taken, refused and released', async () => {
  const { post, store } = await served();
  expect(await post('lock/locks', { ...order, expiryInSeconds: 60 })).toEqual({ status: 200, body: { success: true } });
  expect(await post('lock/locks', { ...order, expiryInSeconds: 60 })).toEqual({
    status: 200,
    body: { success: false },
  });
  expect([...store.owners]).toEqual([['lock||shop||order-1', 'a']]);
  expect(await post('unlock/locks', { ...order, lockOwner: 'b' })).toEqual({ status: 200, body: { status: 2 } });
  expect(await post('unlock/locks', order)).toEqual({ status: 200, body: { status: 0 } });
  expect(await post('unlock/locks', order)).toEqual({ status: 200, body: { status: 1 } });
});

test.each([
  ['names of the .proto file', { resource_id: 'r', lock_owner: 'a', expiry_in_seconds: 1 }],
  ['a number as text', { resourceId: 'r', lockOwner: 'a', expiryInSeconds: '60' }],
  ['unknown fields', { resourceId: 'r', lockOwner: 'a', expiryInSeconds: 6e1, storeName: 'other', more: {} }],
])('as in protocol buffers, there may be %s', async (_, body) => {
  const { post } = await served();
  expect(await post('lock/locks', body)).toEqual({ status: 200, body: { success: true } });
});

test.each([
  ['', 'ExpiryInSeconds is not positive in lock store locks'],
  [{ ...order, expiryInSeconds: null }, 'ExpiryInSeconds is not positive in lock store locks'],
  [{ ...order, lockOwner: '', expiryInSeconds: 1 }, 'LockOwner is empty in lock store locks'],
  [{ lockOwner: 'a', expiryInSeconds: 1 }, 'ResourceId is empty in lock store locks'],
  ['{', /^failed deserializing HTTP body: /],
  ['[]', 'failed deserializing HTTP body: expected a JSON object'],
  [
    { ...order, expiryInSeconds: 1.5 },
    'failed deserializing HTTP body: invalid value for int32 field expiryInSeconds: 1.5',
  ],
  [{ ...order, expiryInSeconds: 2 ** 31 }, /int32/],
  [{ ...order, resourceId: 7 }, 'failed deserializing HTTP body: invalid value for string field resourceId'],
])('%j is malformed', async (body, message) => {
  const { post } = await served();
  expect(await post('lock/locks', body)).toEqual({
    status: 400,
    body: {
      errorCode: 'ERR_MALFORMED_REQUEST',
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    },
  });
});

test('failures have Dapr’s codes', async () => {
  const { post } = await served();
  const request = { ...order, lockOwner: 'nobody', expiryInSeconds: 1 };
  expect(await post('lock/other', request)).toEqual({
    status: 400,
    body: { errorCode: 'ERR_LOCK_STORE_NOT_FOUND', message: 'lock store other not found' },
  });
  expect(await post('lock/locks', request)).toEqual({
    status: 500,
    body: { errorCode: 'ERR_TRY_LOCK', message: 'failed to try acquiring lock: disk on fire' },
  });
  expect(await post('unlock/locks', request)).toEqual({
    status: 500,
    body: { errorCode: 'ERR_UNLOCK', message: 'failed to release lock: disk on fire' },
  });
});
