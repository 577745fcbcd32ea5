import { requireBackend } from '@outrigger/conformance';
import { stateStoreConformance } from '@outrigger/conformance/state';
import { afterAll, beforeAll } from 'vitest';
import { createStore } from './create.ts';
import { mongoCommand, MongoServer } from './mongo-server.ts';

const start = 'eval "$(e2e/backends/up.sh mongo)", then npm run test:backends';
requireBackend('OUTRIGGER_TEST_MONGO', start, (host) => {
  // the others' server must not be killed
  let own: MongoServer;
  if (mongoCommand) {
    beforeAll(async () => {
      own = await MongoServer.start();
    });
    afterAll(() => own?.[Symbol.asyncDispose]());
  }
  const [, name = '', port = ''] = /^(.*):(\d+)$/.exec(host) ?? [];
  // the server in Docker says that it is reached at an address of its own: go to the one that is given
  const create = (address: string, operationTimeout = '5s') =>
    createStore({ host: address, databaseName: 'conformance', params: '?directConnection=true', operationTimeout });
  // a thousand writes take this server some seconds
  stateStoreConformance(() => create(host, '30s'), {
    maxValueBytes: 16 * 1024 * 1024 - 16 * 1024,
    refusedValueBytes: 16 * 1024 * 1024,
    network: { host: name, port: Number(port), create: ({ address }) => create(address) },
    ...(mongoCommand && {
      server: { create: () => create(own.host), kill: () => own.kill(), start: () => own.restart() },
    }),
  });
});
