import { requireBackend } from '@outrigger/conformance';
import { stateStoreConformance } from '@outrigger/conformance/state';
import { TestServer } from '@outrigger/redis-client/test-server';
import { afterAll, beforeAll } from 'vitest';
import { createStore } from './create.ts';
import { quirks } from './quirks.ts';

const start = 'redis-server, then OUTRIGGER_TEST_REDIS=127.0.0.1:6379 npm run test:backends';
requireBackend('OUTRIGGER_TEST_REDIS', start, (redisHost) => {
  // the others' server must not be killed
  let own: TestServer;
  beforeAll(async () => {
    own = await TestServer.start('--appendonly', 'yes', '--appendfsync', 'always', '--requirepass', 'own-password');
  });
  afterAll(() => own[Symbol.asyncDispose]());

  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(redisHost) ?? [];
  stateStoreConformance(() => createStore({ redisHost }), {
    ...quirks,
    credentials: ['own-password'],
    server: {
      create: () => createStore({ redisHost: own.host, redisPassword: 'own-password' }),
      kill: () => own.kill(),
      start: () => own.restart(),
    },
    network: { host, port: Number(port), create: ({ address }) => createStore({ redisHost: address }) },
  });
});
