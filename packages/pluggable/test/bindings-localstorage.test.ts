import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { bindingsConformance } from '@outrigger/conformance/bindings';
import definition from '@outrigger/bindings-localstorage';
import { afterAll, beforeAll, describe } from 'vitest';

import { socketFolder } from './through-socket.ts';

const sockets = socketFolder();
const rootPath = mkdtempSync(join(tmpdir(), 'outrigger-files-'));
afterAll(() => rmSync(rootPath, { recursive: true }));
let count = 0;

beforeAll(() => sockets.serve('files', definition));

describe('bindings.localstorage, served and used through a socket', () => {
  bindingsConformance(
    () => sockets.open('bindings', 'files', { rootPath, direction: 'output' }, { instance: `files${++count}` }),
    {
      address: (fileName) => ({ fileName }),
      absence: 'error',
    },
  );
});
