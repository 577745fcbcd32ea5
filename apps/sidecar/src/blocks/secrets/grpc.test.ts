import { DaprDefinition } from '@outrigger/protocol/runtime';
import { expect, test } from 'vitest';

import { serveGrpc } from '@outrigger/grpc/testing';
import { blocks } from '../../../test/map-stores.ts';
import { secretMethods } from './grpc.ts';

const { fullName, methods } = DaprDefinition;

async function api() {
  const { call } = await serveGrpc({ services: [{ name: fullName, methods: secretMethods(blocks()) }] });
  return call;
}

test('a secret, and all that are allowed', async () => {
  const call = await api();
  const db = { user: 'u', password: 'p' };
  const request = { storeName: 'vault', key: 'db', metadata: {} };
  expect(await call(fullName, methods.getSecret, request)).toEqual({ data: db });
  expect(await call(fullName, methods.getBulkSecret, request)).toEqual({ data: { db: { secrets: db } } });
});

test.each([
  ['vault', 'none', 13, 'failed getting secret with key none from secret store vault: secret none not found'],
  ['vault', 'closed', 7, 'access denied by policy to get "closed" from "vault"'],
  ['safe', 'db', 3, 'failed finding secret store with key safe'],
])('%s/%s is refused with status %i', async (storeName, key, code, details) => {
  const call = await api();
  const got = call(fullName, methods.getSecret, { storeName, key, metadata: {} });
  await expect(got).rejects.toMatchObject({ code, details });
});
