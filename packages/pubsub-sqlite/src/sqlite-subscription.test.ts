import { parseMetadata, silentLogger } from '@outrigger/core';
import { openSqlite, sqliteFields } from '@outrigger/sqlite-client';
import { expect, it } from 'vitest';
import { Consumers } from './consumers.ts';
import { MessageLog } from './message-log.ts';
import { createTables } from './schema.ts';
import { SqliteSubscription } from './sqlite-subscription.ts';
import { Trouble } from './trouble.ts';

const never = new AbortController().signal;

it('what a dead consumer held comes before what is published while its successor starts', async () => {
  const { values } = parseMetadata(sqliteFields, { connectionString: ':memory:' });
  await using db = await openSqlite(values, { logger: silentLogger, signal: never });
  await createTables(db, never);
  const log = new MessageLog(db);
  const publish = (text: string) =>
    log.append([{ topic: 'orders', data: Buffer.from(text), metadata: {}, expiresAt: undefined }], never);
  const groupId = await log.join('orders', 'app', 'earliest', never);

  await new Consumers(db).keepAlive('dead', groupId, -1);
  await publish('old');
  await log.turn({ groupId, consumer: 'dead', done: [], giveBack: [], limit: 1, maxBytes: 1000 });

  const found = Promise.withResolvers<void>();
  class SlowConsumers extends Consumers {
    override async buryDead(group: number, self: string): Promise<void> {
      await found.promise;
      await super.buryDead(group, self);
    }
  }
  const handled: string[] = [];
  await using subscription = new SqliteSubscription({
    log,
    consumers: new SlowConsumers(db),
    groupId,
    consumer: 'successor',
    topic: 'orders',
    settings: { concurrency: 1, queueDepth: 10, redeliverIntervalMs: 100, processingTimeoutMs: 60_000 },
    handler: async ({ data }) => void handled.push(Buffer.from(data).toString()),
    logger: silentLogger,
    trouble: new Trouble(silentLogger),
    progressed: () => {},
    ended: () => {},
  });
  const starting = subscription.start();
  await publish('new');
  subscription.wake();
  // whatever the wake began has had its turn
  await log.hasWork(groupId);
  await new Promise((resolve) => setTimeout(resolve, 50));
  found.resolve();
  await starting;
  await expect.poll(() => handled).toHaveLength(2);
  expect(handled).toEqual(['old', 'new']);
});
