import { type BulkOutcome, ComponentError, policy, retry, timeout } from '@outrigger/core';
import { describe, expect, test } from 'vitest';

import { bytes, failure, handleOn, mapStore } from '../../test/state-scene.ts';

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

  test('an attempt that ran out of time and fails later does not hide how the next one ends', async () => {
    const first = Promise.withResolvers<void>();
    const away = (requests: readonly unknown[]): BulkOutcome<void>[] =>
      requests.map(() => ({ ok: false, error: new ComponentError('unavailable', 'away') }));
    let calls = 0;
    const setMany = async (requests: readonly unknown[]): Promise<BulkOutcome<void>[]> => {
      if (++calls === 1) await first.promise;
      else {
        first.resolve();
        await new Promise(setImmediate);
      }
      return away(requests);
    };
    const twice = policy([retry({ duration: 0, maxRetries: 1 }), timeout(20)]);
    const error = await failure(handleOn(mapStore({ setMany }).store, {}, { policy: () => twice }).save(items));
    expect([calls, error.httpStatus]).toEqual([2, 500]);
  });

  test('a store that answers for fewer entries than it was given has not taken the rest', async () => {
    const setMany = async (): Promise<BulkOutcome<void>[]> => [{ ok: true, value: undefined }];
    expect((await failure(handleOn(mapStore({ setMany }).store).save(items))).message).toBe(
      'failed saving state in state store orders: the store gave no answer for this key',
    );
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

  test('a store that could try none is an error of each key, never of the whole', async () => {
    const getMany = () => Promise.reject(new ComponentError('unavailable', 'away'));
    expect(await handleOn(mapStore({ getMany }).store).getBulk(['a', 'b'])).toEqual([
      { key: 'a', error: 'away' },
      { key: 'b', error: 'away' },
    ]);
    const thrown = () => {
      throw new TypeError('no pool');
    };
    expect(await handleOn(mapStore({ getMany: thrown }).store).getBulk(['a'])).toEqual([
      { key: 'a', error: 'no pool' },
    ]);
  });

  test('a store that gives too few answers has not read the rest', async () => {
    const getMany = async () => [];
    expect(await handleOn(mapStore({ getMany }).store).getBulk(['a'])).toEqual([
      { key: 'a', error: 'the store gave no answer for this key' },
    ]);
  });

  test('a retry asks only for what could not be read, and what runs out of time is an error of its key', async () => {
    const batches: string[][] = [];
    const getMany = async (requests: readonly { readonly key: string }[]): Promise<BulkOutcome<undefined>[]> => {
      batches.push(requests.map(({ key }) => key));
      return requests.map(({ key }) =>
        key === 'shop||b'
          ? { ok: false, error: new ComponentError('unavailable', 'away') }
          : { ok: true, value: undefined },
      );
    };
    const twice = policy([retry({ duration: 0, maxRetries: 1 })]);
    const found = await handleOn(mapStore({ getMany }).store, {}, { policy: () => twice }).getBulk(['a', 'b']);
    expect(batches).toEqual([['shop||a', 'shop||b'], ['shop||b']]);
    expect(found).toEqual([{ key: 'a' }, { key: 'b', error: 'away' }]);

    const hangs = () => new Promise<never>(() => {});
    const short = policy([timeout(5)]);
    expect(await handleOn(mapStore({ getMany: hangs }).store, {}, { policy: () => short }).getBulk(['a'])).toEqual([
      { key: 'a', error: 'timed out after 5 ms' },
    ]);
  });

  test('an option that does not exist is refused, and a caller who has left gets no answer', async () => {
    const handle = handleOn(mapStore().store);
    expect(await failure(handle.getBulk(['a'], { consistency: 'loose' as 'strong' }))).toMatchObject({
      errorCode: 'ERR_STATE_BULK_GET',
      httpStatus: 400,
    });
    await expect(handle.getBulk(['a'], {}, AbortSignal.abort(new Error('left')))).rejects.toThrow('left');
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
