import { migrate, type SqliteDatabase } from '@outrigger/sqlite-client';

/**
 * - A message is written once, whoever wants it. Its id grows in the order of publishing, over all topics.
 * - A group (one consumer id on one topic) has come as far as `cursor`: what lies behind it is either done or has a row in
 *   `pubsub_deliveries`.
 * - A delivery belongs to the consumer in `owner`, or, without one, to whoever takes it from `available_at` on.
 * - A consumer (one subscription of one process) is alive until `expires_at`, or until its process is gone.
 *
 * Times are milliseconds since 1970.
 */
const tables = `
  CREATE TABLE pubsub_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    data BLOB NOT NULL,
    content_type TEXT,
    metadata TEXT,
    published_at INTEGER NOT NULL,
    expires_at INTEGER
  );
  CREATE INDEX pubsub_messages_topic ON pubsub_messages (topic);
  CREATE INDEX pubsub_messages_expiry ON pubsub_messages (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE pubsub_groups (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    name TEXT NOT NULL,
    cursor INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    UNIQUE (topic, name)
  );

  CREATE TABLE pubsub_deliveries (
    group_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    owner TEXT,
    available_at INTEGER NOT NULL,
    PRIMARY KEY (group_id, message_id)
  ) WITHOUT ROWID;
  CREATE INDEX pubsub_deliveries_due ON pubsub_deliveries (group_id, available_at) WHERE owner IS NULL;
  CREATE INDEX pubsub_deliveries_owner ON pubsub_deliveries (owner) WHERE owner IS NOT NULL;
  CREATE INDEX pubsub_deliveries_message ON pubsub_deliveries (message_id);

  CREATE TABLE pubsub_consumers (
    id TEXT PRIMARY KEY,
    group_id INTEGER NOT NULL,
    machine TEXT NOT NULL,
    pid INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) WITHOUT ROWID;
`;

/** Makes the tables where they are missing; safe when several processes do it at once. */
export function createTables(database: SqliteDatabase, signal: AbortSignal): Promise<void> {
  return migrate(database, { metadataTable: 'pubsub_metadata', key: 'migrations', levels: [tables] }, signal);
}
