import { join } from 'node:path';

import { stateStoreConformance } from '@outrigger/conformance/state';
import definition from '@outrigger/state-sqlite';
import { afterAll, beforeAll, describe } from 'vitest';

import { ServingProcess } from './serving-process.ts';
import { useSocket } from './use-socket.ts';

const server = new ServingProcess('@outrigger/state-sqlite');
let count = 0;

beforeAll(() => server.start());
afterAll(() => server[Symbol.asyncDispose]());

function create() {
  const connectionString = join(server.folder, 'state.db');
  return useSocket(server.folder, 'state', 'sqlite', { connectionString }, { instance: `store${++count}` });
}

describe(`${definition.type} in another process, which is killed and started again`, () => {
  stateStoreConformance(create, {
    competitions: 200,
    ttlGranularityMs: 1000,
    server: { kill: () => server.kill(), start: () => server.start(), create },
  });
});
