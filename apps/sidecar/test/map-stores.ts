import {
  ComponentError,
  type StateDeleteRequest,
  type StateGetRequest,
  type StateItem,
  type StateOperation,
  type StateSetRequest,
  type StateStore,
} from '@outrigger/core';
import { type Runtime, SecretsBlock, StateBlock } from '@outrigger/runtime';

const own = { [Symbol.asyncDispose]: async () => {} };

/** A state store over a Map: etags, TTL and transactions, in order and without waiting. */
function mapStateStore() {
  const items = new Map<string, StateItem>();
  let writes = 0;
  const check = (key: string, etag: string | undefined) => {
    if (etag !== undefined && items.get(key)?.etag !== etag)
      throw new ComponentError('etag-mismatch', `${key} has changed`);
  };
  const store = {
    features: ['etag', 'ttl'] as const,
    get: async ({ key }: StateGetRequest) => items.get(key),
    set: async ({ key, value, etag, ttlInSeconds = -1 }: StateSetRequest) => {
      check(key, etag);
      const expiresAt = new Date(Date.UTC(2040, 0, 1, 0, 0, ttlInSeconds));
      items.set(key, { value, etag: String(++writes), ...(ttlInSeconds > 0 && { expiresAt }) });
    },
    delete: async ({ key, etag }: StateDeleteRequest) => {
      check(key, etag);
      items.delete(key);
    },
    transact: async (operations: readonly StateOperation[]) => {
      for (const { key, etag } of operations) check(key, etag);
      for (const operation of operations) {
        await (operation.operation === 'set' ? store.set(operation) : store.delete(operation));
      }
    },
    ...own,
  } satisfies StateStore;
  return store;
}

/** The blocks that the routes need: state store `orders`, a `plain` one without extras, secret store `vault`. */
export function blocks(): Pick<Runtime, 'state' | 'secrets'> {
  const { features, get, set, delete: remove } = mapStateStore();
  const plain = { features, get, set, delete: remove, ...own };
  const broken = { ...plain, get: () => Promise.reject(new Error('disk on fire')) };
  const state = new StateBlock(
    [
      { name: 'orders', store: mapStateStore(), properties: {} },
      { name: 'plain', store: plain, properties: {} },
      { name: 'broken', store: broken, properties: {} },
    ],
    { appId: 'shop', namespace: '' },
  );
  const secrets: Record<string, Record<string, string>> = { db: { user: 'u', password: 'p' }, closed: { closed: 'x' } };
  const vault = {
    features: [],
    get: async ({ name }: { name: string }) => secrets[name],
    getAll: async () => secrets,
    ...own,
  };
  const scope = { storeName: 'vault', defaultAccess: 'allow', allowedSecrets: [], deniedSecrets: ['closed'] } as const;
  const secretsBlock = new SecretsBlock([{ name: 'vault', store: vault }], { scopes: [scope] });
  return { state: (name) => state.store(name), secrets: (name) => secretsBlock.store(name) };
}
