import type { SecretStore } from '@outrigger/core';
import { describe, expect, test } from 'vitest';

import type { SecretScope } from '../resources/configuration.ts';
import { SecretsBlock } from './secrets.ts';

const all = { db: { db: 'p1' }, mail: { user: 'u', password: 'p2' }, key: { key: 'p3' } };

const store: SecretStore = {
  features: [],
  get: async ({ name }) => (all as Record<string, Record<string, string>>)[name],
  getAll: async () => all,
  [Symbol.asyncDispose]: async () => {},
};

function vault(scope?: Partial<SecretScope>, more: Partial<SecretStore> = {}) {
  const full = { storeName: 'vault', defaultAccess: 'allow', allowedSecrets: [], deniedSecrets: [], ...scope } as const;
  return new SecretsBlock([{ name: 'vault', store: { ...store, ...more } }], scope ? { scopes: [full] } : {}).store(
    'vault',
  );
}

test('a secret comes as the store has it, a missing one as undefined', async () => {
  expect(await vault().get('mail')).toEqual({ user: 'u', password: 'p2' });
  expect(await vault().get('none')).toBeUndefined();
  expect(await vault().getAll()).toEqual(all);
});

test('unknown stores have Dapr’s errors', () => {
  expect(() => new SecretsBlock([]).store('vault')).toThrow(
    expect.objectContaining({ errorCode: 'ERR_SECRET_STORES_NOT_CONFIGURED', httpStatus: 500 }) as Error,
  );
  expect(() => new SecretsBlock([{ name: 'vault', store }]).store('safe')).toThrow(
    expect.objectContaining({
      errorCode: 'ERR_SECRET_STORE_NOT_FOUND',
      httpStatus: 401,
      message: 'failed finding secret store with key safe',
    }) as Error,
  );
});

describe('scopes', () => {
  test.each([
    ['deny by default', { defaultAccess: 'deny' }, []],
    ['deny but for those allowed', { defaultAccess: 'deny', allowedSecrets: ['db'] }, ['db']],
    ['allow but for those denied', { deniedSecrets: ['db'] }, ['mail', 'key']],
    ['deny a name in any case', { deniedSecrets: ['DB', ' Mail '] }, ['key']],
    ['allow a name only as it is written', { allowedSecrets: ['DB', 'key'] }, ['key']],
    [
      'a list of allowed ones closes the rest',
      { allowedSecrets: ['db', 'key'], deniedSecrets: ['key'] },
      ['db', 'key'],
    ],
  ] as const)('%s', async (_, scope, open) => {
    const handle = vault(scope);
    expect(Object.keys(await handle.getAll())).toEqual(open);
    for (const name of Object.keys(all)) {
      const outcome = await handle.get(name).then(
        () => 'open',
        (error: unknown) => (error as { errorCode: string }).errorCode,
      );
      expect(outcome).toBe((open as readonly string[]).includes(name) ? 'open' : 'ERR_PERMISSION_DENIED');
    }
  });

  test('are for the one store that they name', async () => {
    const scope = { defaultAccess: 'allow', allowedSecrets: [], deniedSecrets: [] } as const;
    const block = new SecretsBlock(
      ['vault', 'file', 'open'].map((name) => ({ name, store })),
      {
        scopes: [
          { ...scope, storeName: 'file', allowedSecrets: ['mail'] },
          { ...scope, storeName: 'vault', deniedSecrets: ['mail'] },
        ],
      },
    );
    expect(Object.keys(await block.store('vault').getAll())).toEqual(['db', 'key']);
    expect(Object.keys(await block.store('file').getAll())).toEqual(['mail']);
    expect(await block.store('open').getAll()).toEqual(all);
  });

  test('are asked before the store: it never hears of a secret that is denied', async () => {
    const asked: string[] = [];
    const get: SecretStore['get'] = async ({ name }) => {
      asked.push(name);
      return undefined;
    };
    const handle = vault({ deniedSecrets: ['db'] }, { get });
    await expect(handle.get('db')).rejects.toMatchObject({ errorCode: 'ERR_PERMISSION_DENIED' });
    await expect(handle.get('DB')).rejects.toMatchObject({ errorCode: 'ERR_PERMISSION_DENIED' });
    await handle.get('db2');
    expect(asked).toEqual(['db2']);
  });

  test('the refusal names secret and store', async () => {
    await expect(vault({ defaultAccess: 'deny' }).get('db')).rejects.toMatchObject({
      httpStatus: 403,
      message: 'access denied by policy to get "db" from "vault"',
    });
  });
});

test('failures of the backend are told with the store’s name', async () => {
  const get = () => Promise.reject(new Error('sealed'));
  await expect(vault(undefined, { get }).get('db')).rejects.toMatchObject({
    errorCode: 'ERR_SECRET_GET',
    httpStatus: 500,
    message: 'failed getting secret with key db from secret store vault: sealed',
  });
  const { getAll: _, ...single } = store;
  const block = new SecretsBlock([{ name: 'vault', store: single }]);
  await expect(block.store('vault').getAll()).rejects.toMatchObject({
    message:
      'failed getting secrets from secret store vault: this secret store cannot list its secrets: get them one by one',
  });
});
