import { secretStoreConformance } from '@outrigger/conformance/secrets';
import { openSecretService } from '@outrigger/core';
import { afterAll, beforeAll } from 'vitest';
import { key, RecordedProject } from './recorded-project.ts';

const project = new RecordedProject();
const { signal } = new AbortController();
const odd = { 'Odd_1-NAME': 'ünïcödé\n🔑' };

beforeAll(async () => {
  await project.start();
  const stored = { conftestsecret: 'abcd', secondsecret: 'efgh', ...odd };
  for (const [name, value] of Object.entries(stored)) project.secrets.set(name, [{ value }]);
});
afterAll(() => project[Symbol.asyncDispose]());

secretStoreConformance(() => openSecretService(project.open(), signal), {
  oddSecrets: Object.fromEntries(Object.entries(odd).map(([name, value]) => [name, { [name]: value }])),
  versions: [
    { name: 'conftestsecret', metadata: { version_id: '1' }, secret: { conftestsecret: 'abcd' } },
    { name: 'conftestsecret', metadata: { version_id: '2' }, secret: undefined },
  ],
  credentials: [key],
  server: { kill: () => project.kill(), start: () => project.start() },
  network: {
    host: '127.0.0.1',
    get port() {
      return project.port;
    },
    create: ({ address }) => openSecretService(project.open(Number(address.split(':')[1])), signal),
  },
});
