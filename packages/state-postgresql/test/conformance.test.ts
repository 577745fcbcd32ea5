import { requireBackend } from '@outrigger/conformance';
import { stateStoreConformance } from '@outrigger/conformance/state';
import { afterAll, beforeAll } from 'vitest';
import { createStore, urlOf } from './create.ts';
import { TestServer } from './test-server.ts';

const start = 'eval "$(e2e/backends/up.sh --local postgres)"';

requireBackend('OUTRIGGER_TEST_POSTGRES', start, (address) => {
  requireBackend('OUTRIGGER_TEST_POSTGRES_PROGRAM', start, (program) => {
    // the others' server must not be killed
    let own: TestServer;
    beforeAll(async () => {
      own = await TestServer.start(program);
    });
    afterAll(() => own[Symbol.asyncDispose]());

    const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
    const create = (at: string) => createStore({ connectionString: urlOf(at), maxConns: '8', timeout: '5s' });
    stateStoreConformance(() => create(address), {
      server: { create: () => create(own.address), kill: () => own.kill(), start: () => own.restart() },
      network: { host, port: Number(port), create: (options) => create(options.address) },
    });
  });
});
