import {
  type BulkOutcome,
  ComponentError,
  policy,
  retry,
  type StateItem,
  type StateStore,
  timeout,
} from '@outrigger/core';
import { describe, expect, test } from 'vitest';

import { ApiError } from '../errors.ts';
import { StateBlock, type StateBlockOptions, type StateComponent } from './state.ts';

const bytes = (text: string) => Buffer.from(text);
const textOf = (item: StateItem | undefined) => item && Buffer.from(item.value).toString();

/** A small store over a Map; `etag` counts the writes. */
function mapStore(more: Partial<StateStore> = {}) {
  const items = new Map<string, StateItem>();
  const requests: unknown[] = [];
  let writes = 0;
  const store: StateStore = {
    features: ['etag'],
    get: async (request) => {
      requests.push(request);
      return items.get(request.key);
    },
    set: async (request) => {
      requests.push(request);
      const current = items.get(request.key);
      if (request.etag !== undefined && current?.etag !== request.etag)
        throw new ComponentError('etag-mismatch', 'not the same');
      items.set(request.key, { value: request.value, etag: String(++writes) });
    },
    delete: async (request) => {
      requests.push(request);
      if (request.etag !== undefined && items.get(request.key)?.etag !== request.etag) {
        throw new ComponentError('etag-mismatch', 'not the same');
      }
      items.delete(request.key);
    },
    [Symbol.asyncDispose]: async () => {},
    ...more,
  };
  return { store, items, requests };
}

function handleOn(
  store: StateStore,
  component: Partial<StateComponent> = {},
  options: Partial<StateBlockOptions> = {},
) {
  const components = [{ name: 'orders', store, properties: {}, ...component }];
  return new StateBlock(components, { appId: 'shop', namespace: '', ...options }).store('orders');
}

async function failure(call: Promise<unknown>): Promise<ApiError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}

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

describe('several writes', () => {
  const items = ['a', 'b', 'c'].map((key) => ({ key, value: bytes(key) }));

  test('all are tried; an etag failure outweighs the others', async () => {
    const { store, items: kept } = mapStore();
    const handle = handleOn(store);
    const error = await failure(
      handle.save([
        items[0] ?? { key: '', value: bytes('') },
        { key: 'b', value: bytes('b'), etag: 'x' },
        items[2] ?? { key: '', value: bytes('') },
      ]),
    );
    expect(error.httpStatus).toBe(409);
    expect([...kept.keys()]).toEqual(['shop||a', 'shop||c']);
  });

  test('other failures are told line by line', async () => {
    const set = async ({ key }: { key: string }) => Promise.reject(new Error(`no ${key}`));
    const error = await failure(handleOn(mapStore({ set }).store).save(items));
    expect(error).toMatchObject({
      httpStatus: 500,
      message: 'failed saving state in state store orders: no shop||a\nno shop||b\nno shop||c',
    });
  });

  test('the store gets them at once where it can take them so', async () => {
    const batches: number[] = [];
    const setMany = async (requests: readonly unknown[]): Promise<BulkOutcome<void>[]> => {
      batches.push(requests.length);
      return requests.map(() => ({ ok: true, value: undefined }));
    };
    await handleOn(mapStore({ setMany }).store).save(items);
    expect(batches).toEqual([3]);
  });

  test('a retry sends only what failed, and never what lost by its etag', async () => {
    const batches: string[][] = [];
    const setMany = async (requests: readonly { readonly key: string }[]): Promise<BulkOutcome<void>[]> => {
      batches.push(requests.map(({ key }) => key));
      return requests.map(({ key }): BulkOutcome<void> => {
        if (key === 'shop||a') return { ok: false, error: new ComponentError('etag-mismatch', 'lost') };
        if (key === 'shop||b' && batches.length === 1)
          return { ok: false, error: new ComponentError('unavailable', 'away') };
        return { ok: true, value: undefined };
      });
    };
    const always = policy([retry({ duration: 0, maxRetries: 3 })]);
    const error = await failure(handleOn(mapStore({ setMany }).store, {}, { policy: () => always }).save(items));
    expect(batches).toEqual([['shop||a', 'shop||b', 'shop||c'], ['shop||b']]);
    expect(error.httpStatus).toBe(409);
  });

  test('none is fine', async () => {
    await handleOn(mapStore().store).save([]);
  });
});

describe('reading several keys', () => {
  test('each has its value or its own error, in the order of the keys', async () => {
    const get = async ({ key }: { key: string }) => {
      if (key === 'shop||bad') throw new Error('broken');
      return key === 'shop||none' ? undefined : { value: bytes(key), etag: '7' };
    };
    const found = await handleOn(mapStore({ get }).store).getBulk(['x', 'bad', 'none']);
    expect(found).toEqual([
      { key: 'x', item: { value: bytes('shop||x'), etag: '7' } },
      { key: 'bad', error: 'broken' },
      { key: 'none' },
    ]);
  });

  test('no more than `parallelism` are under way', async () => {
    let running = 0;
    let most = 0;
    const get = async () => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      return undefined;
    };
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
    const found = await handleOn(mapStore({ get }).store).getBulk(keys, { parallelism: 3 });
    expect(most).toBe(3);
    expect(found).toEqual(keys.map((key) => ({ key })));
  });

  test('only a store that tried none makes it fail as a whole', async () => {
    const getMany = () => Promise.reject(new ComponentError('unavailable', 'away'));
    expect(await failure(handleOn(mapStore({ getMany }).store).getBulk(['a']))).toMatchObject({
      errorCode: 'ERR_STATE_BULK_GET',
      httpStatus: 500,
    });
  });
});

describe('a transaction', () => {
  test('reaches the store in order with prefixed keys', async () => {
    const seen: unknown[] = [];
    const transact = async (operations: readonly unknown[], metadata: unknown) => void seen.push(operations, metadata);
    await handleOn(mapStore({ transact }).store).transact(
      [
        { operation: 'upsert', request: { key: 'a', value: bytes('1'), metadata: { ttlInSeconds: '5' } } },
        { operation: 'delete', request: { key: 'b', etag: '3' } },
      ],
      { partitionKey: 'p' },
    );
    expect(seen).toEqual([
      [
        { operation: 'set', key: 'shop||a', value: bytes('1'), metadata: { ttlInSeconds: '5' }, ttlInSeconds: 5 },
        { operation: 'delete', key: 'shop||b', etag: '3' },
      ],
      { partitionKey: 'p' },
    ]);
  });

  test('a store without transactions says so, also for an empty one', async () => {
    expect(await failure(handleOn(mapStore().store).transact([]))).toMatchObject({
      errorCode: 'ERR_STATE_STORE_NOT_SUPPORTED',
      httpStatus: 500,
      grpcStatus: 'UNIMPLEMENTED',
      message: "state store orders doesn't support transactions",
    });
  });

  test('too many operations, unknown ones and failures have their own errors', async () => {
    const transact = () => Promise.reject(new ComponentError('etag-mismatch', 'lost'));
    const handle = handleOn(mapStore({ transact, maxTransactionSize: 1 }).store);
    const one = { operation: 'delete', request: { key: 'a' } } as const;
    expect(await failure(handle.transact([one, one]))).toMatchObject({
      errorCode: 'ERR_STATE_STORE_TOO_MANY_TRANSACTIONS',
      httpStatus: 400,
      message: 'the transaction contains 2 operations, which is more than what the state store supports: 1',
    });
    expect(await failure(handle.transact([{ ...one, operation: 'move' as 'delete' }]))).toMatchObject({
      errorCode: 'ERR_NOT_SUPPORTED_STATE_OPERATION',
      message: 'operation type move not supported',
    });
    expect(await failure(handle.transact([one]))).toMatchObject({
      errorCode: 'ERR_STATE_TRANSACTION',
      httpStatus: 500,
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

describe('client-side encryption', () => {
  const key = 'b'.repeat(64);
  const encrypted = { properties: { primaryEncryptionKey: key }, secretNames: { primaryEncryptionKey: 'key-1' } };

  test('the store never sees the value; the app reads it back', async () => {
    const { store, items } = mapStore();
    const handle = handleOn(store, encrypted);
    await handle.save([{ key: 'k', value: bytes('"secret"') }]);
    const stored = textOf(items.get('shop||k')) ?? '';
    expect(stored).toMatch(/^[A-Za-z0-9+/]+=*\|\|key-1$/);
    expect(Buffer.from(stored.slice(0, -'||key-1'.length), 'base64')).toHaveLength(12 + 8 + 16);
    expect(textOf(await handle.get('k'))).toBe('"secret"');
    expect((await handle.getBulk(['k'])).map(({ item }) => textOf(item))).toEqual(['"secret"']);
  });

  test('after a rotation the older key still reads', async () => {
    const { store } = mapStore();
    await handleOn(store, encrypted).save([{ key: 'k', value: bytes('1') }]);
    const rotated = handleOn(store, {
      properties: { primaryEncryptionKey: 'c'.repeat(32), secondaryEncryptionKey: key },
      secretNames: { primaryEncryptionKey: 'key-2', secondaryEncryptionKey: 'key-1' },
    });
    expect(textOf(await rotated.get('k'))).toBe('1');
  });

  test('a changed record, an unknown key and plain text are errors, never values', async () => {
    const { store, items } = mapStore();
    const handle = handleOn(store, encrypted);
    await handle.save([{ key: 'k', value: bytes('1') }]);
    const stored = textOf(items.get('shop||k')) ?? '';
    for (const bad of [
      stored.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')),
      `${stored}x`,
      'plain',
      'AA==||key-1',
    ]) {
      items.set('shop||k', { value: bytes(bad) });
      expect((await failure(handle.get('k'))).message).toContain('could not decrypt data for state store orders');
    }
  });

  test('a bad key stops the start, and the message does not show it', () => {
    const properties = { primaryEncryptionKey: 'not-hex' };
    expect(() => handleOn(mapStore().store, { ...encrypted, properties })).toThrow(
      /component "orders": primaryEncryptionKey must be/,
    );
    expect(() => handleOn(mapStore().store, { ...encrypted, properties })).not.toThrow(/not-hex/);
    expect(() => handleOn(mapStore().store, { properties: { secondaryEncryptionKey: key } })).toThrow(
      /set primaryEncryptionKey/,
    );
  });

  test('queries are refused', async () => {
    const handle = handleOn(mapStore({ query: async () => ({ items: [] }) }).store, encrypted);
    expect((await failure(handle.query({}))).message).toBe(
      'state store orders query failed: cannot query encrypted store',
    );
  });
});
