import { randomUUID } from 'node:crypto';
import { requireBackend } from '@outrigger/conformance';
import type { StateStore } from '@outrigger/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStore, TestSchema, urlOf } from './create.ts';

const { signal } = new AbortController();
const start = 'eval "$(e2e/backends/up.sh postgres)"';
const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

requireBackend('OUTRIGGER_TEST_POSTGRES', start, (address) => {
  describe('what state.postgresql keeps, as other tools see it', () => {
    let schema: TestSchema;
    let store: StateStore;
    beforeAll(async () => {
      schema = await TestSchema.open(urlOf(address));
      store = await createStore(schema.properties);
    });
    afterAll(async () => {
      await store[Symbol.asyncDispose]();
      await schema[Symbol.asyncDispose]();
    });
    const rowOf = async (key: string) => (await schema.query(`SELECT * FROM ${schema.table} WHERE key = $1`, [key]))[0];

    it('is a row of bytes with a UUID for its etag', async () => {
      const value = Buffer.from([0, 1, 254, 255]);
      await store.set({ key: 'app||order', value }, signal);
      const row = await rowOf('app||order');
      expect(row).toMatchObject({ value, etag: expect.stringMatching(uuid), updated_at: null, expires_at: null });
      expect((await store.get({ key: 'app||order' }, signal))?.etag).toBe(row?.['etag']);
      await store.set({ key: 'app||order', value: Buffer.from('{}') }, signal);
      expect(await rowOf('app||order')).toMatchObject({
        created_at: row?.['created_at'],
        updated_at: expect.any(Date),
      });
    });

    it('ends by the clock of the database', async () => {
      await store.set({ key: 'ttl', value: Buffer.from('1'), ttlInSeconds: 3600 }, signal);
      const [row] = await schema.query(
        `SELECT extract(epoch FROM expires_at - now())::float8 AS left FROM ${schema.table} WHERE key = 'ttl'`,
      );
      expect(row?.['left']).toBeGreaterThan(3590);
      expect(row?.['left']).toBeLessThanOrEqual(3600);
    });

    it('may have been written by Dapr', async () => {
      const etag = randomUUID();
      await schema.query(
        `INSERT INTO ${schema.table} AS t (key, value, etag, expires_at) VALUES ('app||dapr', $1, $2, now() + interval '60 seconds')`,
        [Buffer.from('{"a":1}'), etag],
      );
      const item = await store.get({ key: 'app||dapr' }, signal);
      expect(item).toMatchObject({ etag, expiresAt: expect.any(Date) });
      expect(Buffer.from(item?.value ?? []).toString()).toBe('{"a":1}');
      await store.set({ key: 'app||dapr', value: Buffer.from('2'), etag: etag.toUpperCase() }, signal);
      expect(await rowOf('app||dapr')).toMatchObject({ value: Buffer.from('2'), expires_at: null });
    });

    it('says where the schema stands as Dapr says it', async () => {
      expect(await schema.query(`SELECT key, value FROM ${schema.name}.dapr_metadata ORDER BY key`)).toEqual([
        { key: 'lock', value: 'lock' },
        { key: `migrations-state-v2-${schema.name}.`, value: '1' },
      ]);
      const columns = await schema.query(
        `SELECT column_name || ' ' || data_type || ' ' || is_nullable AS it FROM information_schema.columns
         WHERE table_schema = $1 AND table_name = 'state' ORDER BY ordinal_position`,
        [schema.name],
      );
      expect(columns.map(({ it }) => it)).toEqual([
        'key text NO',
        'value bytea NO',
        'etag uuid NO',
        'created_at timestamp with time zone NO',
        'updated_at timestamp with time zone YES',
        'expires_at timestamp with time zone YES',
      ]);
      const indexes = await schema.query('SELECT indexdef FROM pg_indexes WHERE schemaname = $1 AND tablename = $2', [
        schema.name,
        'state',
      ]);
      expect(indexes.map(({ indexdef }) => String(indexdef).replace(/.*USING /, '')).sort()).toEqual([
        'btree (expires_at)',
        'btree (key)',
      ]);
    });

    it('refuses the tables of a later release', async () => {
      await using later = await TestSchema.open(urlOf(address));
      await later.query(`CREATE TABLE ${later.name}.dapr_metadata (key text PRIMARY KEY, value text NOT NULL)`);
      await later.query(`INSERT INTO ${later.name}.dapr_metadata VALUES ($1, '2')`, [
        `migrations-state-v2-${later.name}.`,
      ]);
      await expect(createStore(later.properties)).rejects.toMatchObject({ code: 'unsupported', message: /level 2/ });
    });

    it('is made once when eight instances start on nothing at the same time', async () => {
      await using empty = await TestSchema.open(urlOf(address));
      const stores = await Promise.all(
        Array.from({ length: 8 }, () => createStore({ ...empty.properties, maxConns: '2' })),
      );
      await Promise.all(stores.map((one, index) => one.set({ key: `k${index}`, value: Buffer.from('1') }, signal)));
      expect(await empty.query(`SELECT count(*)::int AS count FROM ${empty.table}`)).toEqual([{ count: 8 }]);
      expect(
        await empty.query(
          `SELECT count(*)::int AS count FROM pg_indexes WHERE schemaname = $1 AND tablename = 'state'`,
          [empty.name],
        ),
      ).toEqual([{ count: 2 }]);
      await Promise.all(stores.map((one) => one[Symbol.asyncDispose]()));
    });

    it('is used by who may not make tables, once they are there', async () => {
      await schema.query(`GRANT USAGE ON SCHEMA ${schema.name} TO secured`);
      await schema.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema.name} TO secured`);
      const connectionString = `${urlOf(address)}&user=secured&password=secured-password`;
      await using other = await createStore({ ...schema.properties, connectionString });
      await other.set({ key: 'theirs', value: Buffer.from('1') }, signal);
      expect(await rowOf('theirs')).toMatchObject({ value: Buffer.from('1') });
    });
  });

  describe('the cleanup of state.postgresql', () => {
    it('removes what has expired, in one of the instances that share a table, and says when', async () => {
      await using schema = await TestSchema.open(urlOf(address));
      const properties = { ...schema.properties, cleanupInterval: '1s' };
      await using one = await createStore(properties);
      await using _ = await createStore(properties);
      await schema.query(
        `INSERT INTO ${schema.table} (key, value, expires_at)
         SELECT 'old' || n, '', now() - interval '1 hour' FROM generate_series(1, 2500) AS n`,
      );
      await one.set({ key: 'lasting', value: Buffer.from('1') }, signal);
      await one.set({ key: 'later', value: Buffer.from('1'), ttlInSeconds: 3600 }, signal);
      expect(await one.get({ key: 'old1' }, signal)).toBeUndefined();
      await expect
        .poll(() => schema.query(`SELECT key FROM ${schema.table} ORDER BY key`))
        .toEqual([{ key: 'lasting' }, { key: 'later' }]);
      const [last] = await schema.query(
        `SELECT now() - value::timestamptz < interval '1 minute' AS fresh FROM ${schema.name}.dapr_metadata WHERE key = $1`,
        [`last-cleanup-state-v2-${schema.name}.`],
      );
      expect(last).toEqual({ fresh: true });
    });

    it('leaves it to who has just done it', async () => {
      await using schema = await TestSchema.open(urlOf(address));
      await using store = await createStore({ ...schema.properties, cleanupInterval: '1s' });
      const key = `last-cleanup-state-v2-${schema.name}.`;
      const before = "(now() + interval '1 hour')::text";
      await schema.query(`INSERT INTO ${schema.name}.dapr_metadata VALUES ($1, ${before})`, [key]);
      await schema.query(
        `INSERT INTO ${schema.table} (key, value, expires_at) VALUES ('old', '', now() - interval '1 hour')`,
      );
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(await schema.query(`SELECT key FROM ${schema.table}`)).toEqual([{ key: 'old' }]);
      await schema.query(`DELETE FROM ${schema.name}.dapr_metadata WHERE key = $1`, [key]);
      await expect.poll(() => schema.query(`SELECT key FROM ${schema.table}`)).toEqual([]);
      expect(await store.get({ key: 'old' }, signal)).toBeUndefined();
    });
  });
});
