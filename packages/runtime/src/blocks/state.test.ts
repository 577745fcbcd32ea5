import { ComponentError, policy, timeout } from '@outrigger/core';
import { describe, expect, test } from 'vitest';

import { bytes, failure, handleOn, mapStore, textOf } from '../../test/state-scene.ts';
import { StateBlock } from './state.ts';

describe('finding a store', () => {
  test('without any store the error says so', () => {
    expect(() => new StateBlock([], { appId: 'shop', namespace: '' }).store('orders')).toThrow(
      expect.objectContaining({
        message: 'state store orders is not configured',
        errorCode: 'ERR_STATE_STORE_NOT_CONFIGURED',
        httpStatus: 500,
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
            domain: 'dapr.io',
            metadata: { appID: 'shop' },
            reason: 'DAPR_STATE_NOT_CONFIGURED',
          },
        ],
      }) as Error,
    );
  });

  test('an unknown name is another error', () => {
    const block = new StateBlock([{ name: 'orders', store: mapStore().store, properties: {} }], {
      appId: 'a',
      namespace: '',
    });
    expect(() => block.store('carts')).toThrow(
      expect.objectContaining({ message: 'state store carts is not found', httpStatus: 400 }) as Error,
    );
  });
});

describe('keys', () => {
  test.each([
    ['', 'shop||k'],
    ['appid', 'shop||k'],
    ['NAME', 'orders||k'],
    ['namespace', 'prod.shop||k'],
    ['none', 'k'],
    ['Shared', 'shared||k'],
  ])('with keyPrefix "%s" the store sees "%s"', async (keyPrefix, key) => {
    const { store, items } = mapStore();
    const handle = handleOn(store, { properties: { KEYPREFIX: keyPrefix } }, { namespace: 'prod' });
    await handle.save([{ key: 'k', value: bytes('1') }]);
    expect([...items.keys()]).toEqual([key]);
    expect(textOf(await handle.get('k'))).toBe('1');
  });

  test('without a namespace the prefix "namespace" is the app id', async () => {
    const { store, items } = mapStore();
    await handleOn(store, { properties: { keyPrefix: 'namespace' } }).save([{ key: 'k', value: bytes('1') }]);
    expect([...items.keys()]).toEqual(['shop||k']);
  });

  test('a prefix with || stops the start and names the component', () => {
    expect(() => handleOn(mapStore().store, { properties: { keyPrefix: 'a||b' } })).toThrow(
      /component "orders": keyPrefix 'a\|\|b'/,
    );
  });

  test('a key with || is refused with details, and nothing is written', async () => {
    const { store, requests } = mapStore();
    const handle = handleOn(store);
    const error = await failure(
      handle.save([
        { key: 'fine', value: bytes('1') },
        { key: 'ke||y1', value: bytes('2') },
      ]),
    );
    expect(error).toMatchObject({
      errorCode: 'ERR_MALFORMED_REQUEST',
      httpStatus: 400,
      message: "input key/keyPrefix 'ke||y1' can't contain '||'",
    });
    expect(error.details?.map((detail) => detail['@type'])).toEqual([
      'type.googleapis.com/google.rpc.BadRequest',
      'type.googleapis.com/google.rpc.ResourceInfo',
      'type.googleapis.com/google.rpc.ErrorInfo',
    ]);
    expect((await failure(handle.get('a||b'))).httpStatus).toBe(400);
    expect((await failure(handle.delete('a||b'))).httpStatus).toBe(400);
    expect(requests).toEqual([]);
  });
});

describe('a write', () => {
  test('passes options on and leaves empty ones out', async () => {
    const { store, requests } = mapStore();
    const metadata = { TTLinSeconds: '60', partitionKey: 'p' };
    await handleOn(store).save([
      { key: 'k', value: bytes('1'), etag: '', concurrency: 'first-write', consistency: 'strong', metadata },
    ]);
    expect(requests).toEqual([
      {
        key: 'shop||k',
        value: bytes('1'),
        concurrency: 'first-write',
        consistency: 'strong',
        metadata,
        ttlInSeconds: 60,
      },
    ]);
  });

  test.each(['0', '-2', 'abc', '1.5', '99999999999'])('refuses %s as a TTL', async (ttl) => {
    const { store, items } = mapStore();
    const error = await failure(
      handleOn(store).save([{ key: 'k', value: bytes('1'), metadata: { ttlInSeconds: ttl } }]),
    );
    expect(error).toMatchObject({ errorCode: 'ERR_STATE_SAVE', httpStatus: 500 });
    expect(error.message).toMatch(
      /^failed saving state in state store orders: incorrect value for metadata 'ttlInSeconds'/,
    );
    expect(items.size).toBe(0);
  });

  test('a TTL of -1 means for ever, an empty one none', async () => {
    const { store, requests } = mapStore();
    const handle = handleOn(store);
    await handle.save([{ key: 'k', value: bytes('1'), metadata: { ttlInSeconds: '-1' } }]);
    await handle.save([{ key: 'k', value: bytes('1'), metadata: { ttlInSeconds: '' } }]);
    expect(requests).toMatchObject([
      { ttlInSeconds: -1 },
      expect.not.objectContaining({ ttlInSeconds: expect.anything() as unknown }),
    ]);
  });

  test('refuses unknown words for concurrency and consistency', async () => {
    const handle = handleOn(mapStore().store);
    const item = { key: 'k', value: bytes('1') };
    expect(await failure(handle.save([{ ...item, concurrency: 'maybe' as 'first-write' }]))).toMatchObject({
      httpStatus: 400,
      message: "failed saving state in state store orders: unrecognized concurrency model 'maybe'",
    });
    expect((await failure(handle.get('k', { consistency: 'loose' as 'strong' }))).httpStatus).toBe(400);
  });

  test('with an etag that no longer holds is a conflict', async () => {
    const handle = handleOn(mapStore().store);
    await handle.save([{ key: 'k', value: bytes('1') }]);
    expect(await failure(handle.save([{ key: 'k', value: bytes('2'), etag: 'old' }]))).toMatchObject({
      httpStatus: 409,
      grpcStatus: 'ABORTED',
      errorCode: 'ERR_STATE_SAVE',
      message:
        'failed saving state in state store orders: possible etag mismatch. error from state store: not the same',
    });
    expect(await failure(handle.delete('k', { etag: 'old' }))).toMatchObject({
      httpStatus: 409,
      errorCode: 'ERR_STATE_DELETE',
      message: 'failed deleting state with key k: possible etag mismatch. error from state store: not the same',
    });
  });

  test('with an etag the store cannot read is a bad request', async () => {
    const set = () => Promise.reject(new ComponentError('invalid-argument', 'the etag must be a number'));
    const error = await failure(handleOn(mapStore({ set }).store).save([{ key: 'k', value: bytes('1'), etag: 'x' }]));
    expect(error).toMatchObject({ httpStatus: 400, grpcStatus: 'INVALID_ARGUMENT' });
    expect(error.message).toContain('invalid etag value: the etag must be a number');
  });

  test('that the backend fails is an internal error whose cause is kept for the log', async () => {
    const cause = new ComponentError('unavailable', 'connection refused');
    const error = await failure(
      handleOn(mapStore({ set: () => Promise.reject(cause) }).store).save([{ key: 'k', value: bytes('1') }]),
    );
    expect(error).toMatchObject({
      httpStatus: 500,
      message: 'failed saving state in state store orders: connection refused',
      cause,
    });
  });
});

describe('a query', () => {
  test('gives back keys without their prefix and leaves other apps out', async () => {
    const value = bytes('1');
    const query = async () => ({
      items: [
        { key: 'shop||a', value },
        { key: 'other||b', value },
      ],
      token: 't',
    });
    expect(await handleOn(mapStore({ query }).store).query({})).toEqual({ items: [{ key: 'a', value }], token: 't' });
  });

  test('a store that cannot says so', async () => {
    expect(await failure(handleOn(mapStore().store).query({}))).toMatchObject({
      errorCode: 'ERR_STATE_STORE_NOT_SUPPORTED',
      message: 'state store does not support querying',
    });
  });
});

test('a policy with a timeout reaches the store as an aborted signal', async () => {
  const get = (_: unknown, signal: AbortSignal) =>
    new Promise<undefined>((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error)),
    );
  const handle = handleOn(mapStore({ get }).store, {}, { policy: () => policy([timeout(5)]) });
  expect(await failure(handle.get('k'))).toMatchObject({
    errorCode: 'ERR_STATE_GET',
    message: 'fail to get k from state store orders: timed out after 5 ms',
  });
});
