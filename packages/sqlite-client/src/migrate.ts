import { ComponentError } from '@outrigger/core';
import type { SqliteDatabase } from './database.ts';

export interface Migrations {
  /** The table that keeps the level reached, among other things; created when missing. */
  readonly metadataTable: string;
  /** Its key in that table; Dapr's state store says `migrations`. */
  readonly key: string;
  /** SQL for each level, in order; once released, never changed. `IF NOT EXISTS` where the table may be older than its level. */
  readonly levels: readonly string[];
}

/**
 * Brings the schema up to the last level, with the table and values that Dapr uses, so that either can go on with the other's
 * file. Safe when several processes start at once. Throws `invalid-argument` for a table name that is not an identifier.
 */
export function migrate(
  database: SqliteDatabase,
  { metadataTable, key, levels }: Migrations,
  signal: AbortSignal,
): Promise<void> {
  const table = identifier('metadataTableName', metadataTable);
  return database.immediateTransaction(() => {
    database.execute(`CREATE TABLE IF NOT EXISTS ${table} (key text NOT NULL PRIMARY KEY, value text NOT NULL)`);
    const reached = database.statement(`SELECT value FROM ${table} WHERE key = ?`).get(key)?.['value'];
    const level = Number(reached ?? 0);
    if (!Number.isInteger(level)) {
      throw new ComponentError(
        'internal',
        `SQLite database ${database.name}: "${key}" in table ${table} is not a level`,
      );
    }
    for (const sql of levels.slice(level)) database.execute(sql);
    if (level < levels.length) {
      database.statement(`REPLACE INTO ${table} (key, value) VALUES (?, ?)`).run(key, String(levels.length));
    }
  }, signal);
}

/** The name when it can stand in SQL without quotes; throws `invalid-argument` naming the metadata field otherwise. */
export function identifier(field: string, name: string): string {
  if (/^[A-Za-z0-9_]+$/.test(name) && !/^\d/.test(name)) return name;
  throw new ComponentError('invalid-argument', `${field}: only letters, digits and _ can stand in the name of a table`);
}
