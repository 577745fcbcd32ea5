import { openComponent, requireBackend } from '@outrigger/conformance';
import { ComponentError, type StateStore } from '@outrigger/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import v1 from '../src/v1.ts';
import { createStore, TestSchema, urlOf } from './create.ts';

const { signal } = new AbortController();
const start = 'eval "$(e2e/backends/up.sh --local postgres)"';
const value = Buffer.from('x');

requireBackend('OUTRIGGER_TEST_POSTGRES', start, (address) => {
  const at = (parameters: string) => ({ connectionString: urlOf(address, parameters) });

  describe('a state.postgresql that cannot start', () => {
    const pairs = `host=127.0.0.1 port=${address.replace(/.*:/, '')} dbname=postgres sslmode=disable`;
    it.each([
      [
        'a wrong password',
        { connectionString: `${pairs} user=secured password=wrong-one` },
        'invalid-argument',
        /connectionString/,
      ],
      ['no password', { connectionString: `${pairs} user=secured` }, 'invalid-argument', /password/],
      [
        'a user that is not there',
        { connectionString: `${pairs} user=nobody` },
        'invalid-argument',
        /connectionString/,
      ],
      [
        'a database that is not there',
        { connectionString: pairs, user: 'postgres', database: 'none' },
        'invalid-argument',
        /database/,
      ],
      [
        'a schema that is not there',
        { ...at('sslmode=disable'), tablePrefix: 'none.' },
        'invalid-argument',
        /tablePrefix/,
      ],
      [
        'a prefix that is SQL',
        { ...at('sslmode=disable'), tablePrefix: 'x; DROP TABLE y; --' },
        'invalid-argument',
        /tablePrefix/,
      ],
      [
        'nobody there',
        { connectionString: 'postgres://postgres:wrong-one@127.0.0.1:1/postgres' },
        'unavailable',
        /127\.0\.0\.1:1/,
      ],
      [
        'a host that is not there',
        { connectionString: 'postgres://nowhere.invalid/x' },
        'unavailable',
        /nowhere\.invalid/,
      ],
      ['an sslmode that is not there', at('sslmode=always'), 'invalid-argument', /sslmode/],
      ['a file that is not there', at('sslmode=verify-ca&sslrootcert=/none'), 'invalid-argument', /sslrootcert/],
      ['no address', {}, 'invalid-argument', /connectionString/],
      ['useAzureAD', { ...at(''), useAzureAD: 'true' }, 'unsupported', /useAzureAD/],
      ['useAWSIAM', { ...at(''), useAWSIAM: 'true' }, 'unsupported', /useAWSIAM/],
    ])('says so of %s', async (_, properties, code, message) => {
      const error: unknown = await createStore(properties).catch((one: unknown) => one);
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
      expect(String(error)).not.toContain('wrong-one');
    });

    it('says that version v1 is to be v2', async () => {
      await expect(openComponent(v1, at('sslmode=disable'))).rejects.toMatchObject({
        code: 'unsupported',
        message: /version: v2/,
      });
    });
  });

  requireBackend('OUTRIGGER_TEST_POSTGRES_CERTS', start, (certificates) => {
    describe('state.postgresql over TLS', () => {
      const tlsonly = 'user=tlsonly&password=tlsonly-password';
      let schema: TestSchema;
      beforeAll(async () => {
        schema = await TestSchema.open(urlOf(address));
        await schema.query(`GRANT ALL ON SCHEMA ${schema.name} TO PUBLIC`);
        const store = await createStore(schema.properties);
        await store[Symbol.asyncDispose]();
        await schema.query(`GRANT ALL ON ALL TABLES IN SCHEMA ${schema.name} TO PUBLIC`);
      });
      afterAll(() => schema[Symbol.asyncDispose]());

      it.each([
        ['prefer, the default', tlsonly],
        ['allow', `${tlsonly}&sslmode=allow`],
        ['require', `${tlsonly}&sslmode=require`],
        ['require with the authority', `${tlsonly}&sslmode=require&sslrootcert=${certificates}/ca.pem`],
        ['verify-ca', `${tlsonly}&sslmode=verify-ca&sslrootcert=${certificates}/ca.pem`],
        ['verify-full', `${tlsonly}&sslmode=verify-full&sslrootcert=${certificates}/ca.pem`],
        [
          'a client certificate',
          `user=client&sslmode=verify-full&sslrootcert=${certificates}/ca.pem&sslcert=${certificates}/client.pem&sslkey=${certificates}/client.key`,
        ],
      ])('works with %s', async (_, parameters) => {
        await using store = await createStore({ ...schema.properties, ...at(parameters) });
        await store.set({ key: 'k', value }, signal);
        expect(await store.get({ key: 'k' }, signal)).toMatchObject({ value });
      });

      it.each([
        ['disable', `${tlsonly}&sslmode=disable`],
        ['another authority', `${tlsonly}&sslmode=verify-ca&sslrootcert=${certificates}/other-ca.pem`],
        ['another authority and require', `${tlsonly}&sslmode=require&sslrootcert=${certificates}/other-ca.pem`],
        ['the authorities of the system', `${tlsonly}&sslmode=verify-full`],
        [
          'another name',
          `${tlsonly}&sslmode=verify-full&sslrootcert=${certificates}/ca.pem&host=other.test&hostaddr=127.0.0.1`,
        ],
        ['no client certificate', `user=client&sslmode=require`],
      ])('names sslmode or the login when the server does not fit %s', async (_, parameters) => {
        await expect(createStore({ ...schema.properties, ...at(parameters) })).rejects.toMatchObject({
          code: 'invalid-argument',
          message: expect.stringMatching(/sslmode|sslrootcert/),
        });
      });
    });
  });

  describe('state.postgresql in trouble', () => {
    let schema: TestSchema;
    let store: StateStore;
    beforeAll(async () => {
      schema = await TestSchema.open(urlOf(address));
      store = await createStore({ ...schema.properties, maxConns: '2', timeout: '1s' });
    });
    afterAll(async () => {
      await store[Symbol.asyncDispose]();
      await schema[Symbol.asyncDispose]();
    });
    /** While `work` runs nobody else can write the item. */
    const holding = async (key: string, work: () => Promise<void>) => {
      await schema.query('BEGIN');
      try {
        await schema.query(
          `INSERT INTO ${schema.table} (key, value) VALUES ($1, '') ON CONFLICT (key) DO UPDATE SET value = ''`,
          [key],
        );
        await work();
      } finally {
        await schema.query('ROLLBACK');
      }
    };

    /** What the server is at now; within a transaction it would give the same answer again and again. */
    const activity = async (text: string) => {
      await schema.query('SELECT pg_stat_clear_snapshot()');
      return schema.query(text, [schema.table]);
    };

    it('says what is full when no connection becomes free, and goes on when one does', async () => {
      await holding('busy', async () => {
        const slow = await createStore({ ...schema.properties, maxConns: '2', timeout: '10s' });
        const quick = await createStore({
          ...schema.properties,
          connectionString: `${urlOf(address)}&pool_max_conns=1&connect_timeout=1`,
          timeout: '5s',
        });
        const stop = new AbortController();
        const blocked = [
          quick.set({ key: 'busy', value }, stop.signal),
          slow.set({ key: 'busy', value }, stop.signal),
        ].map((one) => one.catch((error: unknown) => error));
        await expect(quick.get({ key: 'other' }, signal)).rejects.toMatchObject({
          code: 'unavailable',
          message: /1 connections.*maxConns/,
        });
        stop.abort();
        await Promise.all(blocked);
        expect(await quick.get({ key: 'other' }, signal)).toBeUndefined();
        await Promise.all([quick, slow].map((one) => one[Symbol.asyncDispose]()));
      });
    });

    it('gives up in time on what another holds, and leaves nothing of it at the server', async () => {
      await holding('held', async () => {
        await expect(store.set({ key: 'held', value }, signal)).rejects.toMatchObject({ code: 'deadline-exceeded' });
        await expect
          .poll(() =>
            activity(`SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()
            AND pid IN (SELECT pid FROM pg_stat_activity WHERE query LIKE '%' || $1 || '%')`),
          )
          .toEqual([{ n: 0 }]);
      });
      expect(await store.get({ key: 'held' }, signal)).toBeUndefined();
    });

    it('has done nothing of a transaction whose connection the server ends', async () => {
      await holding('b', async () => {
        const patient = await createStore({ ...schema.properties, timeout: '10s' });
        const writing = patient
          .transact?.(
            ['a', 'b', 'c'].map((key) => ({ operation: 'set', key, value })),
            {},
            signal,
          )
          .catch((error: unknown) => error);
        await expect
          .poll(
            async () =>
              (
                await activity(
                  `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%' AND pid <> pg_backend_pid()`,
                )
              ).length,
          )
          .toBe(1);
        expect(await writing).toMatchObject({ code: 'unavailable' });
        await patient[Symbol.asyncDispose]();
      });
      const found = await store.getMany?.(
        ['a', 'b', 'c'].map((key) => ({ key })),
        signal,
      );
      expect(found).toEqual(Array.from({ length: 3 }, () => ({ ok: true, value: undefined })));
    });

    it('refuses keys and values that PostgreSQL cannot hold, and in a bulk call only those', async () => {
      const long = Array.from({ length: 20_000 }, (_, index) => index.toString(36)).join('');
      for (const key of ['a\0b', '\ud800', long]) {
        await expect(store.set({ key, value }, signal)).rejects.toMatchObject({ code: 'invalid-argument' });
      }
      await expect(store.get({ key: 'a\0b' }, signal)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: /NUL/,
      });
      const large = Buffer.alloc(256 * 2 ** 20);
      await expect(store.set({ key: 'large', value: large }, signal)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: /268435456 bytes/,
      });
      const outcomes = await store.setMany?.(
        ['good', 'a\0b', long, 'fine'].map((key) => ({ key, value })),
        signal,
      );
      expect(outcomes?.map(({ ok }) => ok)).toEqual([true, false, false, true]);
      expect(await store.get({ key: 'fine' }, signal)).toMatchObject({ value });
    });

    it('tells of each entry of a bulk call with etags what became of it, also of one that is there twice', async () => {
      await store.setMany?.(
        ['one', 'two', 'three'].map((key) => ({ key, value })),
        signal,
      );
      const etag = (await store.get({ key: 'one' }, signal))?.etag ?? '';
      const outcomes = await store.setMany?.(
        [
          { key: 'one', value, etag },
          { key: 'one', value, etag },
          { key: 'two', value, concurrency: 'first-write' },
          { key: 'new', value, concurrency: 'first-write' },
          { key: 'three', value, etag: 'nonsense' },
        ],
        signal,
      );
      expect(outcomes?.map((one) => one.ok || (ComponentError.is(one.error) && one.error.code))).toEqual([
        true,
        'etag-mismatch',
        'etag-mismatch',
        true,
        'etag-mismatch',
      ]);
    });

    it('does without prepared statements where they are not wanted', async () => {
      await using plain = await createStore({ ...schema.properties, queryExecMode: 'exec' });
      await plain.set({ key: 'plain', value }, signal);
      expect(await plain.get({ key: 'plain' }, signal)).toMatchObject({ value });
    });
  });
});
