import { setTimeout as delay } from 'node:timers/promises';
import { ComponentError } from '@outrigger/core';
import { sqlState } from './failure.ts';
import type { PostgresPool, Run } from './postgres-pool.ts';
import { schema, type Tables } from './statements.ts';

const currentLevel = 1;

/**
 * Makes the tables, once, however many instances start at the same time: under the lock that Dapr takes too, a row of the metadata
 * table. Where the schema is up to date nothing is written, so a user without the right to make tables will do.
 */
export async function migrate(pool: PostgresPool, tables: Tables, signal: AbortSignal): Promise<void> {
  if (await isCurrent(pool, tables, signal)) return;
  await makeMetadataTable(pool, tables, signal);
  await pool.query(
    { text: `INSERT INTO ${tables.metadata} (key, value) VALUES ('lock', 'lock') ON CONFLICT (key) DO NOTHING` },
    [],
    signal,
  );
  await pool.transaction(async (run) => {
    await run({ text: `SELECT value FROM ${tables.metadata} WHERE key = 'lock' FOR UPDATE` });
    if ((await levelOf(run, tables)) >= currentLevel) return;
    for (const text of schema(tables)) await run({ text });
    const text = `INSERT INTO ${tables.metadata} (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = $2`;
    await run({ text }, [levelKey(tables), String(currentLevel)]);
  }, signal);
}

async function isCurrent(pool: PostgresPool, tables: Tables, signal: AbortSignal): Promise<boolean> {
  try {
    return (await levelOf((statement, values = []) => pool.query(statement, values, signal), tables)) >= currentLevel;
  } catch (error) {
    if (stateOf(error) === '42P01') return false;
    throw error;
  }
}

/** How many steps of the schema have been taken, by us or by Dapr. */
async function levelOf(run: Run, tables: Tables): Promise<number> {
  const { rows } = await run({ text: `SELECT value FROM ${tables.metadata} WHERE key = $1` }, [levelKey(tables)]);
  const level = rows.length === 0 ? 0 : Number(rows[0]?.[0]);
  if (level >= 0 && level <= currentLevel) return level;
  throw new ComponentError(
    'unsupported',
    `metadataTableName: ${tables.metadata} says that the schema has level ${String(rows[0]?.[0])}; this release knows up to ${currentLevel}`,
  );
}

function levelKey({ prefix }: Tables): string {
  return `migrations-state-v2-${prefix}`;
}

/** Of those who make it at the same time all but one are refused, in spite of IF NOT EXISTS. */
async function makeMetadataTable(pool: PostgresPool, { metadata }: Tables, signal: AbortSignal): Promise<void> {
  const text = `CREATE TABLE IF NOT EXISTS ${metadata} (key text NOT NULL PRIMARY KEY, value text NOT NULL)`;
  for (let attempt = 1; ; attempt++) {
    try {
      await pool.query({ text }, [], signal);
      return;
    } catch (error) {
      const isRace = ['23505', '42P07', '42710'].includes(stateOf(error) ?? '');
      if (!isRace || attempt === 10) throw error;
      await delay(50, undefined, { signal });
    }
  }
}

function stateOf(error: unknown): string | undefined {
  return ComponentError.is(error) ? sqlState(error.cause) : sqlState(error);
}
