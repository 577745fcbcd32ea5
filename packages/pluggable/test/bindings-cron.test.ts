import { bindingsConformance } from '@outrigger/conformance/bindings';
import definition from '@outrigger/bindings-cron';
import { beforeAll, describe } from 'vitest';

import { socketFolder } from './through-socket.ts';

const sockets = socketFolder();
let count = 0;

beforeAll(() => sockets.serve('cron', definition));

describe('bindings.cron, served and used through a socket', () => {
  bindingsConformance(
    () => sockets.open('bindings', 'cron', { schedule: '@every 100ms' }, { instance: `cron${++count}` }),
    { forgets: true },
  );
});
