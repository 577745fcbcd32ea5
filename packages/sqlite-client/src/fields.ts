import { field, type MetadataOf } from '@outrigger/core';

/** The metadata fields that every component on SQLite has, with Dapr's names; to be spread into a definition's `metadata`. */
export const sqliteFields = {
  connectionString: field.text({
    description: 'Path of the database file, `:memory:`, or a `file:` URI with parameters',
    required: true,
    aliases: ['url'],
    example: 'data.db',
  }),
  timeout: field.duration({
    description: 'Longest time an operation may take, waiting for locks included',
    default: 20_000,
    min: 1000,
    plainUnit: 's',
    aliases: ['timeoutInSeconds'],
  }),
  busyTimeout: field.duration({
    description: 'How long to wait while another process holds the lock; 0: not at all',
    default: 2000,
  }),
  disableWAL: field.flag({
    description: 'Do not use write-ahead logging; needed on network file systems',
    default: false,
  }),
};

/** What {@link sqliteFields} parse to. */
export type SqliteMetadata = MetadataOf<typeof sqliteFields>;
