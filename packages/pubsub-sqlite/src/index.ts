import { defineComponent, field } from '@outrigger/core';
import { openSqlite, type SqliteDatabase, sqliteFields } from '@outrigger/sqlite-client';
import { createTables } from './schema.ts';
import { SqlitePubSub } from './sqlite-pubsub.ts';

export default defineComponent({
  kind: 'pubsub',
  type: 'pubsub.sqlite',
  version: 'v1',
  description: 'Messages between the processes of one machine through one SQLite file',
  metadata: {
    ...sqliteFields,
    consumerID: field.text({
      description:
        'Each consumer id gets every message; the instances that have the same share them. Default: the app id',
    }),
    initialPosition: field.oneOf(['earliest', 'latest'], {
      description:
        'Where a new consumer id begins: with what the file still holds of the topic, or with what comes from then on',
      default: 'earliest',
    }),
    concurrency: field.integer({
      description: 'Messages handled at a time, for each subscription',
      default: 10,
      min: 1,
    }),
    queueDepth: field.integer({ description: 'Messages fetched ahead, for each subscription', default: 20, min: 1 }),
    redeliverInterval: field.duration({
      description: 'After how long a message that failed is handed over again',
      default: 5000,
      min: 0,
    }),
    processingTimeout: field.duration({
      description:
        'After how long without a sign of life others take over what a process held, when it cannot be seen that it is gone; a slow handler is not interrupted',
      default: 60_000,
      min: 100,
    }),
    retention: field.duration({
      description: 'How long messages of a topic without any consumer id are kept',
      default: 3_600_000,
      min: 0,
    }),
    maxRetained: field.integer({
      description: 'How many messages of a topic without any consumer id are kept',
      default: 10_000,
      min: 0,
    }),
    groupExpiry: field.duration({
      description:
        'After how long without a running subscriber a consumer id is forgotten, and what waits for it; 0: never',
      default: 604_800_000,
      min: 0,
    }),
    pollInterval: field.duration({
      description: 'How often to look for messages of other processes where the file system does not tell of changes',
      default: 20,
      min: 1,
    }),
  },
  create: async ({ metadata, appId, logger, signal }) => {
    const db = await openSqlite(metadata, { logger, signal });
    try {
      await createTables(db, signal);
      const settings = {
        consumerId: metadata.consumerID ?? appId,
        initialPosition: metadata.initialPosition,
        concurrency: metadata.concurrency,
        queueDepth: metadata.queueDepth,
        redeliverIntervalMs: metadata.redeliverInterval,
        processingTimeoutMs: metadata.processingTimeout,
        retentionMs: metadata.retention,
        maxRetained: metadata.maxRetained,
        groupExpiryMs: metadata.groupExpiry,
        pollIntervalMs: metadata.pollInterval,
        watchedFile: await db.read(() => fileThatCommitsWrite(db), signal),
      };
      return new SqlitePubSub(db, settings, logger);
    } catch (error) {
      await db[Symbol.asyncDispose]();
      throw error;
    }
  },
});

function fileThatCommitsWrite(db: SqliteDatabase): string | undefined {
  const file = db.statement("SELECT file FROM pragma_database_list WHERE name = 'main'").get()?.['file'];
  if (typeof file !== 'string' || file === '') return undefined;
  return db.statement('PRAGMA journal_mode').get()?.['journal_mode'] === 'wal' ? `${file}-wal` : file;
}
