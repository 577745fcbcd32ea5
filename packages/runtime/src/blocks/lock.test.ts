import { type LockStore, retry, policy, ComponentError } from '@outrigger/core';
import { describe, expect, test } from 'vitest';

import { LockBlock, type LockBlockOptions } from './lock.ts';

/** A store over a Map; locks do not expire. */
function mapLocks(more: Partial<LockStore> = {}) {
  const owners = new Map<string, string>();
  const store: LockStore = {
    tryLock: async ({ resourceId, owner }) => {
      if (owners.has(resourceId)) return false;
      owners.set(resourceId, owner);
      return true;
    },
    unlock: async ({ resourceId, owner }) => {
      const holder = owners.get(resourceId);
      if (holder === undefined) return 'missing';
      if (holder !== owner) return 'other-owner';
      owners.delete(resourceId);
      return 'unlocked';
    },
    [Symbol.asyncDispose]: async () => {},
    ...more,
  };
  return { owners, store };
}

function locks(store: LockStore, properties: Record<string, string> = {}, options: Partial<LockBlockOptions> = {}) {
  return new LockBlock([{ name: 'locks', store, properties }], { appId: 'shop', ...options }).store('locks');
}

const order = { resourceId: 'order-1', owner: 'a' };

test('a lock has one owner until that one unlocks it', async () => {
  const handle = locks(mapLocks().store);
  expect(await handle.tryLock({ ...order, expiryInSeconds: 10 })).toBe(true);
  expect(await handle.tryLock({ ...order, owner: 'b', expiryInSeconds: 10 })).toBe(false);
  expect(await handle.unlock({ ...order, owner: 'b' })).toBe('other-owner');
  expect(await handle.unlock(order)).toBe('unlocked');
  expect(await handle.unlock(order)).toBe('missing');
});

test.each([
  ['by default', undefined, 'shop', 'lock||shop||order-1'],
  ['appid', 'appid', 'shop', 'lock||shop||order-1'],
  ['appid without an app', 'AppId', '', 'lock||order-1'],
  ['name', 'name', 'shop', 'lock||locks||order-1'],
  ['none', 'none', 'shop', 'lock||order-1'],
  ['a text, in lower case', 'Shared', 'shop', 'lock||shared||order-1'],
  ['namespace, which is such a text', 'namespace', 'shop', 'lock||namespace||order-1'],
])('the key in the store: %s', async (_, keyPrefix, appId, key) => {
  const { owners, store } = mapLocks();
  await locks(store, keyPrefix === undefined ? {} : { KeyPrefix: keyPrefix }, { appId }).tryLock({
    ...order,
    expiryInSeconds: 1,
  });
  expect([...owners.keys()]).toEqual([key]);
});

test('a prefix that holds the separator stops the start', () => {
  expect(() => locks(mapLocks().store, { keyPrefix: 'a||b' })).toThrow(
    `component "locks": keyPrefix 'a||b' can't contain '||'; take appid, name, none or a text without it`,
  );
});

describe('what cannot be', () => {
  const handle = locks(mapLocks().store);

  test.each([
    [{ resourceId: '' }, 'ResourceId is empty in lock store locks'],
    [{ owner: '' }, 'LockOwner is empty in lock store locks'],
    [{ expiryInSeconds: 0 }, 'ExpiryInSeconds is not positive in lock store locks'],
    [{ expiryInSeconds: -1 }, 'ExpiryInSeconds is not positive in lock store locks'],
  ])('%j is refused with a text that says so', async (wrong, message) => {
    await expect(handle.tryLock({ ...order, expiryInSeconds: 1, ...wrong })).rejects.toMatchObject({
      errorCode: 'ERR_MALFORMED_REQUEST',
      httpStatus: 400,
      grpcStatus: 'INVALID_ARGUMENT',
      message,
    });
    if ('expiryInSeconds' in wrong) return;
    await expect(handle.unlock({ ...order, ...wrong })).rejects.toMatchObject({ httpStatus: 400, message });
  });

  test('an id that would leave its prefix', async () => {
    const message = `input key/keyPrefix 'a||b' can't contain '||'`;
    await expect(handle.tryLock({ ...order, resourceId: 'a||b', expiryInSeconds: 1 })).rejects.toMatchObject({
      errorCode: 'ERR_TRY_LOCK',
      httpStatus: 500,
      message: `failed to try acquiring lock: ${message}`,
    });
    await expect(handle.unlock({ ...order, resourceId: 'a||b' })).rejects.toMatchObject({
      errorCode: 'ERR_UNLOCK',
      message: `failed to release lock: ${message}`,
    });
  });

  test('a store that is not there', () => {
    expect(() => new LockBlock([], { appId: 'shop' }).store('locks')).toThrow(
      expect.objectContaining({
        errorCode: 'ERR_LOCK_STORE_NOT_CONFIGURED',
        httpStatus: 500,
        grpcStatus: 'FAILED_PRECONDITION',
        message: 'lock store is not configured',
      }) as Error,
    );
    const block = new LockBlock([{ name: 'locks', store: mapLocks().store, properties: {} }], { appId: 'shop' });
    expect(() => block.store('other')).toThrow(
      expect.objectContaining({
        errorCode: 'ERR_LOCK_STORE_NOT_FOUND',
        httpStatus: 400,
        grpcStatus: 'INVALID_ARGUMENT',
        message: 'lock store other not found',
      }) as Error,
    );
  });
});

test('failures of the backend are told, under the outbound policy', async () => {
  let calls = 0;
  const away = () => {
    calls++;
    return Promise.reject(new ComponentError('unavailable', 'the server is away'));
  };
  const { store } = mapLocks({ tryLock: away, unlock: away });
  const handle = locks(store, {}, { policy: () => policy([retry({ maxRetries: 2, duration: 1 })]) });
  await expect(handle.tryLock({ ...order, expiryInSeconds: 1 })).rejects.toMatchObject({
    errorCode: 'ERR_TRY_LOCK',
    httpStatus: 500,
    grpcStatus: 'INTERNAL',
    message: 'failed to try acquiring lock: the server is away',
  });
  await expect(handle.unlock(order)).rejects.toMatchObject({ errorCode: 'ERR_UNLOCK', httpStatus: 500 });
  expect(calls).toBe(6);
});
