import { describe, expect, test } from 'vitest';

import { blocks } from '../../../test/map-stores.ts';
import { memoryRuntime } from '../../../test/memory-runtime.ts';
import { Refusal, type StateEdge, stateOverGrpc, stateOverHttp } from '../../../test/state-edges.ts';

type Scenario = (edge: StateEdge) => Promise<unknown>;

const edges = [
  ['HTTP', stateOverHttp],
  ['gRPC', stateOverGrpc],
] as const;

const aTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const anEtag = expect.stringMatching(/./);
const found = (value: string) => ({ value, etag: anEtag, metadata: {} });

const same: readonly (readonly [string, Scenario, unknown])[] = [
  [
    'a value comes back as its bytes, with an etag',
    async (edge) => {
      await edge.save('orders', [{ key: 'k 1/ä', value: '{"b":1,"a":12345678901234567890}' }]);
      return edge.get('orders', 'k 1/ä');
    },
    found('{"b":1,"a":12345678901234567890}'),
  ],
  ['what is missing is no error', (edge) => edge.get('orders', 'none'), undefined],
  ['saving nothing is no error', (edge) => edge.save('orders', []), undefined],
  [
    'stores are apart from each other',
    async (edge) => {
      await edge.save('orders', [{ key: 'k', value: '1' }]);
      return edge.get('other', 'k');
    },
    undefined,
  ],
  [
    'a TTL of the metadata holds and is told',
    async (edge) => {
      await edge.save('orders', [{ key: 'k', value: '1', metadata: { ttlInSeconds: '100' } }]);
      return edge.get('orders', 'k');
    },
    { value: '1', etag: anEtag, metadata: { ttlExpireTime: aTime } },
  ],
  [
    'the etag that was read lets a write through, and a deletion',
    async (edge) => {
      await edge.save('orders', [{ key: 'k', value: '1' }]);
      const { etag = '' } = (await edge.get('orders', 'k')) ?? {};
      await edge.save('orders', [{ key: 'k', value: '2', etag, concurrency: 'first-write' }]);
      const second = await edge.get('orders', 'k');
      await edge.remove('orders', { key: 'k', etag: second?.etag ?? '', consistency: 'strong' });
      return [second, await edge.get('orders', 'k')];
    },
    [found('2'), undefined],
  ],
  ['deleting what is not there is no error', (edge) => edge.remove('orders', { key: 'none' }), undefined],
  [
    'many are written and read at once',
    async (edge) => {
      await edge.save('orders', [
        { key: 'a', value: '1' },
        { key: 'b', value: '"x"', metadata: { ttlInSeconds: '100' } },
      ]);
      return edge.getBulk('orders', ['a', 'none', 'b']);
    },
    [
      { key: 'a', value: '1', etag: anEtag },
      { key: 'none' },
      { key: 'b', value: '"x"', etag: anEtag, metadata: { ttlExpireTime: aTime } },
    ],
  ],
  ['reading no keys finds nothing', (edge) => edge.getBulk('orders', []), []],
  [
    'a transaction writes and deletes',
    async (edge) => {
      await edge.save('orders', [{ key: 'a', value: '1' }]);
      await edge.transact('orders', [
        ['upsert', { key: 'b', value: '{"x":1}' }],
        ['delete', { key: 'a' }],
      ]);
      return [await edge.get('orders', 'a'), await edge.get('orders', 'b')];
    },
    [undefined, found('{"x":1}')],
  ],
  ['a transaction without operations is no error', (edge) => edge.transact('orders', []), undefined],
];

describe.each(edges)('over %s', (_, open) => {
  test.each(same)('%s', async (_title, scenario, expected) => {
    expect(await scenario(await open(await memoryRuntime()))).toEqual(expected);
  });
});

const refused: readonly (readonly [string, Scenario, http: number, grpc: string, RegExp])[] = [
  ['an unknown store', (edge) => edge.get('none', 'k'), 400, 'INVALID_ARGUMENT', /^state store none is not found$/],
  [
    'the separator in a key',
    (edge) => edge.get('orders', 'a||b'),
    400,
    'INVALID_ARGUMENT',
    /^input key\/keyPrefix 'a\|\|b' can't contain '\|\|'$/,
  ],
  [
    'the separator in one of many keys',
    (edge) => edge.getBulk('orders', ['a', 'a||b']),
    400,
    'INVALID_ARGUMENT',
    /^input key\/keyPrefix 'a\|\|b' can't contain '\|\|'$/,
  ],
  [
    'a write with an etag that is not the stored one',
    async (edge) => {
      await edge.save('orders', [{ key: 'k', value: '1' }]);
      await edge.save('orders', [{ key: 'k', value: '2', etag: 'stale' }]);
    },
    409,
    'ABORTED',
    /^failed saving state in state store orders: possible etag mismatch. error from state store: /,
  ],
  [
    'a first write of what is there',
    async (edge) => {
      await edge.save('orders', [{ key: 'k', value: '1' }]);
      await edge.save('orders', [{ key: 'k', value: '2', concurrency: 'first-write' }]);
    },
    409,
    'ABORTED',
    /^failed saving state in state store orders: possible etag mismatch/,
  ],
  [
    'a deletion with an etag that is not the stored one',
    async (edge) => {
      await edge.save('orders', [{ key: 'k', value: '1' }]);
      await edge.remove('orders', { key: 'k', etag: 'stale' });
    },
    409,
    'ABORTED',
    /^failed deleting state with key k: possible etag mismatch/,
  ],
  [
    'a TTL that is no number',
    (edge) => edge.save('orders', [{ key: 'k', value: '1', metadata: { ttlInSeconds: 'soon' } }]),
    500,
    'INTERNAL',
    /^failed saving state in state store orders: incorrect value for metadata 'ttlInSeconds'/,
  ],
  [
    'a transaction with an etag that is not the stored one',
    async (edge) => {
      await edge.save('orders', [{ key: 'k', value: '1' }]);
      await edge.transact('orders', [['upsert', { key: 'k', value: '2', etag: 'stale' }]]);
    },
    500,
    'INTERNAL',
    /^error while executing state transaction: possible etag mismatch/,
  ],
  [
    'an operation that is none',
    (edge) => edge.transact('orders', [['increment', { key: 'k' }]]),
    400,
    'UNIMPLEMENTED',
    /^operation type increment not supported$/,
  ],
  [
    'a query of a store that cannot',
    (edge) => edge.query('orders', '{}'),
    500,
    'INTERNAL',
    /does not support querying/,
  ],
];

/** What the store and the edge do not agree on must not depend on the edge but for its status. */
describe('what is refused', () => {
  test.each(refused)('%s', async (_title, scenario, http, grpc, message) => {
    const outcomes = await Promise.all(
      edges.map(async ([, open]) => {
        const outcome: unknown = await scenario(await open(await memoryRuntime())).catch((error: unknown) => error);
        expect(outcome).toBeInstanceOf(Refusal);
        return outcome as Refusal;
      }),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([http, grpc]);
    expect(outcomes[0]?.message).toMatch(message);
    expect(outcomes[1]?.message).toBe(outcomes[0]?.message);
  });

  test.each([
    ['a store that fails', (edge: StateEdge) => edge.get('broken', 'k'), 500, 'INTERNAL'],
    [
      'a transaction in a store without',
      (edge: StateEdge) => edge.transact('plain', [['upsert', { key: 'k', value: '1' }]]),
      500,
      'UNIMPLEMENTED',
    ],
  ] as const)('%s', async (_title, scenario, http, grpc) => {
    const outcomes = await Promise.all(
      edges.map(async ([, open]) => {
        const outcome: unknown = await scenario(await open(blocks())).catch((error: unknown) => error);
        return outcome as Refusal;
      }),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([http, grpc]);
    expect(outcomes[1]?.message).toBe(outcomes[0]?.message);
  });
});
