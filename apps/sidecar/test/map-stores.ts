import { ComponentError, type StateItem, type StateStore } from '@outrigger/core';
import { type Runtime, SecretsBlock, StateBlock } from '@outrigger/runtime';

const own = { [Symbol.asyncDispose]: async () => {} };

/** A state store over a Map: etags, TTL and transactions, in order and without waiting. */
export function mapStateStore(): StateStore {
  const items = new Map<string, StateItem>();
  let writes = 0;
  const check = (key: string, etag: string | undefined) => {
    if (etag !== undefined && items.get(key)?.etag !== etag) throw new ComponentError('etag-mismatch', `${key} has changed`);
  };
  const store: StateStore = {
    features: ['etag', 'ttl'],
    get: async ({ key }) => items.get(key),
    set: async ({ key, value, etag, ttlInSeconds = -1 }) => {
      check(key, etag);
      const expiresAt = new Date(Date.UTC(2040, 0, 1, 0, 0, ttlInSeconds));
      items.set(key, { value, etag: String(++writes), ...(ttlInSeconds > 0 && { expiresAt }) });
    },
    delete: async ({ key, etag }) => {
      check(key, etag);
      items.delete(key);
    },
    transact: async (operations, _, signal) => {
      for (const { key, etag } of operations) check(key, etag);
      for (const operation of operations) {
        await (operation.operation === 'set' ? store.set(operation, signal) : store.delete(operation, signal));
      }
    },
    ...own,
  };
  return store;
}

/** The blocks that the routes need: state store `orders`, a `plain` one without extras, secret store `vault`. */
export function blocks(): Pick<Runtime, 'state' | 'secrets'> {
  const { transact: _, ...plain } = mapStateStore();
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
  const vault = { features: [], get: async ({ name }: { name: string }) => secrets[name], getAll: async () => secrets, ...own };
  const scope = { storeName: 'vault', defaultAccess: 'allow', allowedSecrets: [], deniedSecrets: ['closed'] } as const;
  const secretsBlock = new SecretsBlock([{ name: 'vault', store: vault }], { scopes: [scope] });
  return { state: (name) => state.store(name), secrets: (name) => secretsBlock.store(name) };
}
