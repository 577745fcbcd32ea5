import { createHash } from 'node:crypto';
import { ComponentError } from '@outrigger/core';
import type { StatePostgresqlMetadata } from './fields.ts';
import type { Statement } from './postgres-pool.ts';

/** The largest value: its textual form, two digits a byte, is the longest text that can be read back. */
export const maxValueBytes = 255 * 2 ** 20;

export interface Tables {
  readonly state: string;
  readonly metadata: string;
  /** Part of the keys in the metadata table. */
  readonly prefix: string;
}

// names stand in the SQL as they are, as Dapr puts them there: unquoted ones are folded to lower case by the server
const name = String.raw`(?:[\p{L}_][\p{L}\p{N}_$]*|"[^"\0]+")`;
const tableName = new RegExp(`^(?:${name}\\.)?${name}$`, 'u');

export function tablesOf({ tablePrefix, metadataTableName }: StatePostgresqlMetadata): Tables {
  const state = `${tablePrefix}state`;
  const problem = 'only letters, digits, `_` and `$`, perhaps after the name of a schema and a point';
  if (!tableName.test(state)) throw new ComponentError('invalid-argument', `tablePrefix: ${problem}`);
  if (!tableName.test(metadataTableName)) throw new ComponentError('invalid-argument', `metadataTableName: ${problem}`);
  return { state, metadata: metadataTableName, prefix: tablePrefix };
}

/** The layout is Dapr's: it reads and writes these tables too. */
export function schema({ state }: Tables): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${state} (
      key text NOT NULL PRIMARY KEY,
      value bytea NOT NULL,
      etag uuid NOT NULL DEFAULT gen_random_uuid(),
      created_at timestamp with time zone NOT NULL DEFAULT now(),
      updated_at timestamp with time zone,
      expires_at timestamp with time zone
    )`,
    `CREATE INDEX ON ${state} (expires_at)`,
  ];
}

/**
 * The SQL of the store. `prepares`: under names that hold a digest of the text, so that poolers which share connections
 * never mix two of them up.
 */
export function statements({ state, metadata }: Tables, prepares: boolean) {
  const statement = (text: string): Statement =>
    prepares ? { name: `outrigger_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`, text } : { text };

  const live = '(t.expires_at IS NULL OR t.expires_at >= now())';
  const columns = `t.key, CASE WHEN octet_length(t.value) <= ${maxValueBytes} THEN t.value END, t.etag,
    (extract(epoch FROM t.expires_at) * 1000)::float8`;
  const end = (seconds: string) => `now() + ${seconds} * interval '1 second'`;
  const change = `value = EXCLUDED.value, updated_at = now(), etag = gen_random_uuid(), expires_at = EXCLUDED.expires_at`;
  const insert = (rows: string) => `INSERT INTO ${state} AS t (key, value, etag, expires_at) ${rows}
    ON CONFLICT (key) DO UPDATE SET ${change}`;
  const one = `VALUES ($1, $2, gen_random_uuid(), ${end('$3::float8')})`;
  // in the order in which every writer takes rows, so that no two wait for each other in a circle
  const many = `SELECT u.key, u.value, gen_random_uuid(), ${end('u.ttl')}
    FROM unnest($1::text[], $2::bytea[], $3::float8[]) AS u (key, value, ttl) ORDER BY u.key COLLATE "C"`;
  const locked = (keys: string) =>
    `SELECT key FROM ${state} WHERE key = ANY(${keys}) ORDER BY key COLLATE "C" FOR UPDATE`;

  return {
    get: statement(`SELECT ${columns} FROM ${state} AS t WHERE t.key = $1 AND ${live}`),
    getMany: statement(`SELECT ${columns} FROM ${state} AS t WHERE t.key = ANY($1::text[]) AND ${live}`),
    set: statement(insert(one)),
    setIfAbsent: statement(`${insert(one)} WHERE NOT ${live}`),
    setIfUnchanged: statement(`UPDATE ${state} AS t SET value = $2, updated_at = now(), etag = gen_random_uuid(),
      expires_at = ${end('$3::float8')} WHERE t.key = $1 AND t.etag = $4::uuid AND ${live}`),
    setMany: statement(`${insert(many)} RETURNING t.key`),
    setManyIfAbsent: statement(`${insert(many)} WHERE NOT ${live} RETURNING t.key`),
    setManyIfUnchanged: statement(`WITH locked AS MATERIALIZED (${locked('$1::text[]')})
      UPDATE ${state} AS t SET value = u.value, updated_at = now(), etag = gen_random_uuid(), expires_at = ${end('u.ttl')}
      FROM unnest($1::text[], $2::bytea[], $3::float8[], $4::uuid[]) AS u (key, value, ttl, etag), locked
      WHERE t.key = u.key AND locked.key = t.key AND t.etag = u.etag AND ${live} RETURNING t.key`),
    delete: statement(`DELETE FROM ${state} AS t WHERE t.key = $1`),
    deleteIfUnchanged: statement(`DELETE FROM ${state} AS t WHERE t.key = $1 AND t.etag = $2::uuid AND ${live}`),
    deleteMany: statement(`WITH locked AS MATERIALIZED (${locked('$1::text[]')})
      DELETE FROM ${state} AS t USING locked WHERE t.key = locked.key`),
    deleteManyIfUnchanged: statement(`WITH locked AS MATERIALIZED (${locked('$1::text[]')})
      DELETE FROM ${state} AS t USING unnest($1::text[], $2::uuid[]) AS u (key, etag), locked
      WHERE t.key = u.key AND locked.key = t.key AND t.etag = u.etag AND ${live} RETURNING t.key`),
    keysLike: statement(`SELECT t.key FROM ${state} AS t WHERE t.key LIKE $1 AND t.key > $2 AND ${live}
      ORDER BY t.key LIMIT $3`),
    claimCleanup: statement(`INSERT INTO ${metadata} AS m (key, value) VALUES ($1, now()::text)
      ON CONFLICT (key) DO UPDATE SET value = now()::text
      WHERE (extract(epoch FROM now() - m.value::timestamp with time zone) * 1000)::bigint > $2::bigint`),
    cleanup: statement(`DELETE FROM ${state} WHERE key IN (SELECT key FROM ${state}
      WHERE expires_at < now() LIMIT $1 FOR UPDATE SKIP LOCKED)`),
  };
}
