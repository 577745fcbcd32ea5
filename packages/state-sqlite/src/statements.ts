const live = '(expiration_time IS NULL OR expiration_time > CURRENT_TIMESTAMP)';

/** The layout is Dapr's: other tools read and write these tables. */
export function schema(table: string): string {
  return `CREATE TABLE IF NOT EXISTS ${table} (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    is_binary BOOLEAN NOT NULL,
    etag TEXT NOT NULL,
    expiration_time TIMESTAMP DEFAULT NULL,
    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
  )`;
}

/** The SQL of the store. Values travel as bytes: the cast changes their type, not one of their bytes. */
export function statements(table: string, metadataTable: string) {
  const upsert = `INSERT INTO ${table} (key, value, is_binary, etag, expiration_time, update_time)
    VALUES (?, CAST(? AS TEXT), ?, ?, ?, CURRENT_TIMESTAMP)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, is_binary = excluded.is_binary, etag = excluded.etag,
      expiration_time = excluded.expiration_time, update_time = CURRENT_TIMESTAMP`;
  return {
    get: `SELECT CAST(value AS BLOB) AS value, is_binary, etag, expiration_time FROM ${table} WHERE key = ? AND ${live}`,
    set: upsert,
    setIfAbsent: `${upsert} WHERE NOT ${live.replaceAll('expiration_time', `${table}.expiration_time`)}`,
    setIfUnchanged: `UPDATE ${table} SET value = CAST(? AS TEXT), is_binary = ?, etag = ?, expiration_time = ?,
      update_time = CURRENT_TIMESTAMP WHERE key = ? AND etag = ? AND ${live}`,
    delete: `DELETE FROM ${table} WHERE key = ?`,
    deleteIfUnchanged: `DELETE FROM ${table} WHERE key = ? AND etag = ? AND ${live}`,
    keysLike: `SELECT key FROM ${table} WHERE key GLOB ? AND key > ? AND ${live} ORDER BY key LIMIT ?`,
    claimCleanup: `INSERT INTO ${metadataTable} (key, value) VALUES ('last-cleanup', CURRENT_TIMESTAMP)
      ON CONFLICT (key) DO UPDATE SET value = CURRENT_TIMESTAMP
      WHERE (unixepoch(CURRENT_TIMESTAMP) - unixepoch(value)) * 1000 > ?`,
    cleanupStep: `SELECT max(rowid) AS last FROM (SELECT rowid FROM ${table} WHERE rowid > ? ORDER BY rowid LIMIT 5000)`,
    cleanup: `DELETE FROM ${table} WHERE rowid > ? AND rowid <= ? AND NOT ${live}`,
  } as const;
}
