import pg from 'pg';

import type { BareStore } from './bare-store.ts';

export async function connect(address: string): Promise<BareStore> {
  const pool = new pg.Pool({ connectionString: `postgres://postgres@${address}/postgres?sslmode=disable`, max: 10 });
  await pool.query('CREATE TABLE IF NOT EXISTS bench (key text PRIMARY KEY, value bytea NOT NULL)');
  return {
    async get(key) {
      const { rows } = await pool.query<{ value: Buffer }>({
        name: 'get',
        text: 'SELECT value FROM bench WHERE key = $1',
        values: [key],
      });
      return rows[0]?.value;
    },
    async set(key, value) {
      await pool.query({
        name: 'set',
        text: 'INSERT INTO bench (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
        values: [key, value],
      });
    },
  };
}
