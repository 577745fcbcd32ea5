import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pubSubConformance } from '@outrigger/conformance/pubsub';
import definition from '@outrigger/pubsub-sqlite';
import { afterAll, beforeAll, describe } from 'vitest';

import { socketFolder } from './through-socket.ts';

const sockets = socketFolder();
const folder = mkdtempSync(join(tmpdir(), 'outrigger-messages-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

beforeAll(() => sockets.serve('messages', definition));

describe('pubsub.sqlite, served and used through a socket', () => {
  pubSubConformance(
    ({ consumerId }) => {
      const properties = {
        connectionString: join(folder, 'messages.db'),
        consumerID: consumerId,
        redeliverInterval: '100ms',
        processingTimeout: '1s',
      };
      return sockets.open('pubsub', 'messages', properties, { instance: `messages${++count}` });
    },
    { overtakesFailed: true, redeliveredWithinMs: 2500 },
  );
});
