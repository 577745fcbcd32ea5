import { ComponentError, defineComponent, field, type NameResolver } from '@outrigger/core';
import { identifier, migrate, openSqlite, sqliteFields } from '@outrigger/sqlite-client';
import { scheduleCleanup } from './cleanup.ts';
import { defaultFile } from './default-file.ts';
import { SqliteNameResolver } from './sqlite-name-resolver.ts';

/** `nameresolution.sqlite`: sidecars of one machine find each other through one SQLite file. */
export default defineComponent({
  kind: 'nameresolution',
  type: 'nameresolution.sqlite',
  version: 'v1',
  description: 'Sidecars of one machine find each other through one SQLite file',
  metadata: {
    ...sqliteFields,
    connectionString: field.text({
      description:
        'Path of the database file or a `file:` URI, the same for all sidecars; absent: a file of this user in the folder for temporary files',
      aliases: ['url'],
      example: 'names.db',
    }),
    updateInterval: field.duration({
      description:
        'How long a registration is good for; it is renewed more than twice in that time; whole seconds, at least 1s above timeout',
      default: 5000,
      plainUnit: 's',
    }),
    timeout: field.duration({ ...sqliteFields.timeout, default: 1000 }),
    busyTimeout: field.duration({ ...sqliteFields.busyTimeout, default: 800 }),
    cleanupInterval: field.duration({
      description: 'How often rows that nobody renews are removed; 0: never',
      default: 3_600_000,
      min: 0,
      plainUnit: 's',
      aliases: ['cleanupIntervalInSeconds'],
    }),
    tableName: field.text({ description: 'Table of the registrations', default: 'hosts' }),
    metadataTableName: field.text({ description: 'Table that keeps the version of the schema', default: 'metadata' }),
  },
  create: async ({ metadata, logger, signal }): Promise<NameResolver> => {
    const { updateInterval, cleanupInterval, metadataTableName } = metadata;
    if (updateInterval % 1000 !== 0 || updateInterval - metadata.timeout < 1000) {
      throw new ComponentError('invalid-argument', 'updateInterval: expected whole seconds, at least 1s above timeout');
    }
    const tableName = identifier('tableName', metadata.tableName);
    const connectionString = metadata.connectionString ?? defaultFile();
    const database = await openSqlite({ ...metadata, connectionString }, { logger, signal });
    try {
      await migrate(
        database,
        { metadataTable: metadataTableName, key: 'nr-migrations', levels: levels(tableName) },
        signal,
      );
    } catch (error) {
      await database[Symbol.asyncDispose]();
      throw error;
    }
    logger.info(`addresses are kept in the SQLite database ${database.name}`);
    const cleanup = scheduleCleanup({ database, tableName, metadataTableName, cleanupInterval, logger });
    return new SqliteNameResolver({ database, tableName, updateInterval, cleanup, logger });
  },
});

/** Dapr's schema. */
function levels(table: string): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${table} (
      registration_id TEXT NOT NULL PRIMARY KEY,
      address TEXT NOT NULL,
      app_id TEXT NOT NULL,
      namespace TEXT NOT NULL,
      last_update INTEGER NOT NULL
    );
    CREATE UNIQUE INDEX IF NOT EXISTS ${table}_address_idx ON ${table} (address);
    CREATE INDEX IF NOT EXISTS ${table}_last_update_idx ON ${table} (last_update);`,
  ];
}
