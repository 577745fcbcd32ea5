import { join } from 'node:path';

import type { Broker } from '../broker.ts';
import { holdLock } from '../server.ts';

const database = (folder: string): string => join(folder, 'messages.db');

/** Has no server to kill: its outage is another process that holds the lock of the file. */
export const sqlite: Broker = {
  name: 'sqlite',
  type: 'pubsub.sqlite',
  metadata: ({ folder }) => ({
    connectionString: database(folder),
    redeliverInterval: '200ms',
    processingTimeout: '3s',
  }),
  lanes: {
    plain: {},
    policy: { metadata: { concurrency: '1' }, order: ['none', 'broker', 'kill', 'redeploy', 'app'] },
    bulk: {},
  },
  outage: {
    what: 'lock',
    begin: async ({ folder }) => {
      const holder = await holdLock(
        `import { DatabaseSync } from 'node:sqlite';
         const database = new DatabaseSync(process.argv[1]);
         database.exec('PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE');
         console.log('held');
         setInterval(() => {}, 1000);`,
        database(folder),
      );
      return {
        end: async () => {
          await holder.stop('SIGKILL');
        },
      };
    },
  },
};
