import { join } from 'node:path';

import { Metadata, type sendUnaryData, type ServerUnaryCall, status } from '@grpc/grpc-js';
import { ComponentError, type StateStore } from '@outrigger/core';
import {
  type GetRequest,
  type QueryRequest,
  type SetRequest,
  StateStoreDefinition,
} from '@outrigger/protocol/components';
import { ErrorInfo, Status } from '@outrigger/protocol/rpc';
import { expect, it, vi } from 'vitest';

import { socketsFolder, stockComponent } from '../../test/stock-component.ts';
import { useSocket } from '../../test/use-socket.ts';
import { queriable, transactional, transactionSize } from '../services.ts';

const never = new AbortController().signal;

type Unary<I> = (call: ServerUnaryCall<I, unknown>, answer: sendUnaryData<unknown>) => void;
const always =
  (message: unknown): Unary<unknown> =>
  (_, answer) =>
    answer(null, message);

/** A store that somebody else has written, with as little as it may have and what is given. */
async function openStore(
  methods: Readonly<Record<string, Unary<never>>>,
  features: readonly string[] = [],
  others: Parameters<typeof stockComponent>[1] = [],
): Promise<StateStore> {
  const folder = socketsFolder();
  const least = { init: always({}), features: always({ features }) };
  await stockComponent(join(folder, 'theirs.sock'), [[StateStoreDefinition, { ...least, ...methods }], ...others]);
  return useSocket(folder, 'state', 'theirs');
}

function failure(code: status, message: string, metadata?: Readonly<Record<string, string>>) {
  const trailers = new Metadata();
  if (metadata !== undefined) {
    const value = Buffer.from(ErrorInfo.encode({ reason: 'R', domain: 'd', metadata: { ...metadata } }).finish());
    const details = [{ typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value }];
    trailers.set('grpc-status-details-bin', Buffer.from(Status.encode({ code, message, details }).finish()));
  }
  return Object.assign(new Error(message), { code, details: message, metadata: trailers });
}

it('has transactions and queries only where the store says so and serves them', async () => {
  const transact = [transactional, { transact: always({}) }] as const;
  const size = [transactionSize, { multiMaxSize: always({ maxSize: 7n }) }] as const;
  const query = [queriable, { query: always({ items: [], token: '', metadata: {} }) }] as const;
  const all = ['ETAG', 'TTL', 'TRANSACTIONAL', 'QUERY_API'];
  const full = await openStore({}, all, [transact, size, query]);
  expect(full).toMatchObject({ features: ['etag', 'ttl'], maxTransactionSize: 7 });
  expect(full.transact).toBeTypeOf('function');
  expect(full.query).toBeTypeOf('function');

  for (const poor of [await openStore({}, all), await openStore({}, [], [transact, size, query])]) {
    expect(poor.transact).toBeUndefined();
    expect(poor.query).toBeUndefined();
    expect(poor.maxTransactionSize).toBeUndefined();
  }
});

it('does bulk calls one by one with a store that has none', async () => {
  const items = new Map<string, Buffer>();
  const store = await openStore({
    get: (call: ServerUnaryCall<GetRequest, unknown>, answer) => {
      const data = items.get(call.request.key) ?? Buffer.alloc(0);
      answer(null, { data, metadata: {}, contentType: '' });
    },
    set: (call: ServerUnaryCall<SetRequest, unknown>, answer) => {
      items.set(call.request.key, call.request.value);
      answer(null, {});
    },
    delete: (call: ServerUnaryCall<GetRequest, unknown>, answer) => {
      items.delete(call.request.key);
      answer(null, {});
    },
  });
  const [a, b] = [
    { key: 'a', value: Buffer.from('1') },
    { key: 'b', value: Buffer.from('2') },
  ];
  const done = { ok: true, value: undefined };
  expect(await store.setMany?.([a, b], never)).toEqual([done, done]);
  expect(await store.getMany?.([a, { key: 'c' }, b], never)).toEqual([
    { ok: true, value: { value: a.value } },
    done,
    { ok: true, value: { value: b.value } },
  ]);
  expect(await store.deleteMany?.([a], never)).toEqual([done]);
  expect([...items.keys()]).toEqual(['b']);
});

it('sends a query as Dapr does, and fetches further pages for what belongs to other apps', async () => {
  const asked: unknown[] = [];
  const pages = [
    ['a||1', 'b||1', 'b||2'],
    ['a||2', 'b||3'],
  ];
  const query: Unary<QueryRequest> = ({ request }, answer) => {
    const { filter = {}, sort, pagination } = request.query ?? {};
    const filters = Object.entries(filter).map(([name, { typeUrl, value }]) => [name, typeUrl, String(value)]);
    asked.push({ filters, sort, pagination });
    const page = pages[asked.length - 1] ?? [];
    const items = page.map((key) => ({
      key,
      data: Buffer.from('1'),
      etag: { value: '1' },
      error: '',
      contentType: '',
    }));
    answer(null, { items, token: `after${asked.length}`, metadata: {} });
  };
  const store = await openStore({}, ['QUERY_API'], [[queriable, { query }]]);
  const filter = {
    op: 'AND',
    filters: [
      { op: 'EQ', key: 'city', value: 'Oslo' },
      { op: 'IN', key: 'n', values: [1, 2] },
    ],
  } as const;
  const sort = [{ key: 'n', order: 'DESC' }] as const;
  const result = await store.query?.({ filter, sort, limit: 2, keyPrefix: 'a||' }, {}, never);
  expect(result).toMatchObject({ items: [{ key: 'a||1' }, { key: 'a||2' }], token: 'after2' });
  const first = {
    filters: [['AND', '', '[{"EQ":{"city":"Oslo"}},{"IN":{"n":[1,2]}}]']],
    sort: [{ key: 'n', order: 1 }],
    pagination: { limit: 2n, token: '' },
  };
  expect(asked).toEqual([first, { ...first, pagination: { limit: 1n, token: 'after1' } }]);
});

it.each([
  [status.FAILED_PRECONDITION, undefined, { etag: '1' }, 'etag-mismatch'],
  [status.FAILED_PRECONDITION, undefined, { concurrency: 'first-write' }, 'etag-mismatch'],
  [status.FAILED_PRECONDITION, undefined, {}, 'internal'],
  [status.INVALID_ARGUMENT, undefined, {}, 'invalid-argument'],
  [status.RESOURCE_EXHAUSTED, undefined, {}, 'unavailable'],
  [status.DEADLINE_EXCEEDED, undefined, {}, 'deadline-exceeded'],
  [status.PERMISSION_DENIED, undefined, {}, 'internal'],
  [status.UNKNOWN, { kit_error: 'true', http_code: '404', tag: 'T' }, {}, 'not-found'],
  [status.INTERNAL, { expected: '3', affected: '1' }, {}, 'internal'],
] as const)('status %i with %j for a write with %j', async (code, details, condition, expected) => {
  const store = await openStore({ set: (_, answer) => answer(failure(code, 'refused', details)) });
  const error: unknown = await store
    .set({ key: 'k', value: Buffer.from('1'), ...condition }, never)
    .catch((one) => one);
  expect(error).toBeInstanceOf(ComponentError);
  expect(error).toMatchObject({ code: expected, message: expect.stringContaining('refused') });
  if (details !== undefined && 'affected' in details) expect(String(error)).toContain('1 of 3');
});

it('tells the process when a caller gives up', async () => {
  const cancelled = vi.fn<() => void>();
  const arrived = Promise.withResolvers<void>();
  const store = await openStore({
    get: (call) => {
      call.on('cancelled', cancelled);
      arrived.resolve();
    },
  });
  const caller = new AbortController();
  const read = store.get({ key: 'k' }, caller.signal);
  await arrived.promise;
  caller.abort(new Error('enough'));
  await expect(read).rejects.toThrow('enough');
  await vi.waitFor(() => expect(cancelled).toHaveBeenCalled());
});

it('refuses a component with what the process says of its properties', async () => {
  const init: Unary<never> = (_, answer) => answer(failure(status.INVALID_ARGUMENT, 'the path is missing'));
  await expect(openStore({ init })).rejects.toMatchObject({ code: 'invalid-argument', message: 'the path is missing' });
});
