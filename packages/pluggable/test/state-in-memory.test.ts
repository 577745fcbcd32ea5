import { stateStoreConformance } from '@outrigger/conformance/state';
import definition from '@outrigger/state-in-memory';
import { beforeAll, describe } from 'vitest';

import { socketFolder } from './through-socket.ts';

const folder = socketFolder();
let count = 0;

beforeAll(() => folder.serve('memory', definition));

describe('state.in-memory, served and used through a socket', () => {
  stateStoreConformance(() => folder.open('state', 'memory', {}, { instance: `store${++count}` }), {
    isolated: true,
    competitions: 200,
  });
});
