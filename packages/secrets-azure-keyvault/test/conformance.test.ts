import { secretStoreConformance } from '@outrigger/conformance/secrets';
import { openSecretService } from '@outrigger/core';
import { afterAll, beforeAll } from 'vitest';
import { clientSecret, RecordedVault, token } from './recorded-vault.ts';

const vault = new RecordedVault();
const { signal } = new AbortController();
const odd = { 'Odd-1-NAME': 'ünïcödé\n🔑' };

beforeAll(async () => {
  await vault.start();
  const stored = { conftestsecret: 'abcd', secondsecret: 'efgh', ...odd };
  for (const [name, value] of Object.entries(stored)) vault.secrets.set(name, { versions: [{ version: 'v1', value }] });
});
afterAll(() => vault[Symbol.asyncDispose]());

secretStoreConformance(() => openSecretService(vault.open(), signal), {
  oddSecrets: Object.fromEntries(Object.entries(odd).map(([name, value]) => [name, { [name]: value }])),
  versions: [
    { name: 'conftestsecret', metadata: { version_id: 'v1' }, secret: { conftestsecret: 'abcd' } },
    { name: 'conftestsecret', metadata: { version_id: 'v2' }, secret: undefined },
  ],
  credentials: [clientSecret, token],
  server: { kill: () => vault.kill(), start: () => vault.start() },
  network: {
    host: '127.0.0.1',
    get port() {
      return vault.port;
    },
    create: ({ address }) => openSecretService(vault.open(clientSecret, `https://${address}`), signal),
  },
});
