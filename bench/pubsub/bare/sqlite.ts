import { DatabaseSync } from 'node:sqlite';
import type { BareClient } from './bare-client.ts';

/** A table as a queue, in one process: insert, read on, note how far. */
export async function connect(address: string): Promise<BareClient> {
  const database = new DatabaseSync(address);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000');
  database.exec('CREATE TABLE IF NOT EXISTS bare_message (id INTEGER PRIMARY KEY, topic TEXT, data TEXT)');
  database.exec('CREATE TABLE IF NOT EXISTS bare_position (topic TEXT PRIMARY KEY, id INTEGER)');
  const insert = database.prepare('INSERT INTO bare_message (topic, data) VALUES (?, ?)');
  const select = database.prepare('SELECT id, data FROM bare_message WHERE topic = ? AND id > ? ORDER BY id LIMIT 100');
  const note = database.prepare(
    'INSERT INTO bare_position VALUES (?, ?) ON CONFLICT (topic) DO UPDATE SET id = excluded.id',
  );

  return {
    async publish(topic, data) {
      insert.run(topic, data);
    },
    async publishMany(topic, data) {
      database.exec('BEGIN IMMEDIATE');
      for (const one of data) insert.run(topic, one);
      database.exec('COMMIT');
    },
    async subscribe(topic, handler) {
      let last = 0;
      const read = async (): Promise<void> => {
        const rows = select.all(topic, last) as { id: number; data: string }[];
        for (const { id, data } of rows) {
          await handler(data);
          note.run(topic, id);
          last = id;
        }
        if (rows.length > 0) setImmediate(() => void read());
        else setTimeout(() => void read(), 5);
      };
      void read();
    },
  };
}
