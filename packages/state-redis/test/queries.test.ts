import { randomUUID } from 'node:crypto';
import { requireBackend } from '@outrigger/conformance';
import { stateStoreConformance } from '@outrigger/conformance/state';
import { parseMetadata, silentLogger, type StateQuery, type StateStore } from '@outrigger/core';
import { connectRedis, type RedisConnection, redisFields } from '@outrigger/redis-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStore } from './create.ts';
import { quirks } from './quirks.ts';

const { signal } = new AbortController();
const start = 'eval "$(e2e/backends/up.sh redisearch)", then npm run test:backends';
const queryIndexes = JSON.stringify([
  {
    name: 'books',
    indexes: [
      { key: 'title', type: 'TEXT' },
      { key: 'title.inner', type: 'TEXT' },
      { key: 'language', type: 'TEXT' },
      { key: 'author.name', type: 'TEXT' },
      { key: 'author.born', type: 'NUMERIC' },
    ],
  },
]);
const metadata = { queryIndexName: 'books' };
const json = { contentType: 'application/json' };

requireBackend('OUTRIGGER_TEST_REDISEARCH', start, (redisHost) => {
  describe('state.redis on a server with RediSearch', () => {
    stateStoreConformance(() => createStore({ redisHost, queryIndexes }), {
      ...quirks,
      query: { metadata, maxSortKeys: 1, onlyTextsAndNumbers: true },
    });
  });

  describe('JSON documents of state.redis', () => {
    let store: StateStore;
    let raw: RedisConnection;
    let prefix: string;
    const get = async (key: string) => {
      const item = await store.get({ key }, signal);
      return item && { text: Buffer.from(item.value).toString(), etag: item.etag };
    };
    const set = (key: string, text: string, options = {}) =>
      store.set({ key, value: Buffer.from(text), ...options }, signal);
    const document = async (key: string) => String(await raw.send('JSON.GET', [key]));
    const find = async (query: Partial<StateQuery>, from = store) =>
      (await from.query?.({ sort: [], keyPrefix: prefix, ...query }, metadata, signal))?.items.map(({ key }) => key);

    beforeAll(async () => {
      prefix = `json-${randomUUID()}||`;
      store = await createStore({ redisHost, queryIndexes });
      raw = await connectRedis(parseMetadata(redisFields, { redisHost }).values, { logger: silentLogger, signal });
    });
    afterAll(() => Promise.all([store[Symbol.asyncDispose](), raw[Symbol.asyncDispose]()]));

    it('hold data and version, where the caller says that the value is JSON', async () => {
      const key = `${prefix}laid-out`;
      await set(key, '{"id":1}', json);
      expect(await document(key)).toBe('{"data":{"id":1},"version":1}');
      await set(key, '[2]', { metadata: { contentType: 'application/json; charset=utf-8' }, ttlInSeconds: 100 });
      expect(await document(key)).toBe('{"data":[2],"version":2}');
      expect(await raw.send('TTL', [key])).toBeGreaterThan(90);
      await set(key, '3', { ...json, etag: '2' });
      expect(await raw.send('TTL', [key])).toBe(-1);
      expect(await get(key)).toEqual({ text: '3', etag: '3' });
      await expect(set(key, '4', { ...json, etag: '2' })).rejects.toMatchObject({ code: 'etag-mismatch' });
      const first = `${prefix}first`;
      await set(first, '1', { ...json, concurrency: 'first-write' });
      expect(await document(first)).toBe('{"data":1,"version":1,"first-write":0}');
      await store.delete({ key: first, etag: '1' }, signal);
      expect(await get(first)).toBeUndefined();
    });

    it('keep beside their data the text that was given, where RedisJSON would give back another', async () => {
      const key = `${prefix}exact`;
      for (const text of [
        '{"id": 1}',
        '{"id":12345678901234567890123}',
        '{"x":0.0000010,"y":"\\u00e9/\\n"}',
        ' [1,\n2]\t',
      ]) {
        await set(key, text, json);
        expect((await get(key))?.text).toBe(text);
      }
      await set(key, '{"id": 1}', json);
      expect(await document(key)).toBe('{"data":{"id":1},"version":5,"original":"{\\"id\\": 1}"}');
      await set(key, '{"id":1}', json);
      expect(await document(key)).toBe('{"data":{"id":1},"version":6}');
    });

    it('may have been written by Dapr', async () => {
      const key = `${prefix}dapr`;
      await raw.send('JSON.SET', [key, '$', '{"data":{"a":[1,"x"]},"version":7}']);
      expect(await get(key)).toEqual({ text: '{"a":[1,"x"]}', etag: '7' });
      await set(key, '{}', { ...json, etag: '7' });
      expect(await document(key)).toBe('{"data":{},"version":8}');
    });

    it('become hashes, and hashes documents, as the next write says; the version goes on', async () => {
      const key = `${prefix}turning`;
      await set(key, '1', json);
      await set(key, 'two');
      expect(await get(key)).toEqual({ text: 'two', etag: '2' });
      await set(key, '"three"', { ...json, etag: '2' });
      expect(await document(key)).toBe('{"data":"three","version":3}');
      const operations = [
        { operation: 'set', key, value: Buffer.from('4'), etag: '3' },
        { operation: 'set', key: `${prefix}other`, value: Buffer.from('{"o":1}'), ...json },
      ] as const;
      await store.transact?.(operations, {}, signal);
      expect(await get(key)).toEqual({ text: '4', etag: '4' });
      expect(await document(`${prefix}other`)).toBe('{"data":{"o":1},"version":1}');
      await raw.send('SET', [`${prefix}old`, 'plain']);
      await set(`${prefix}old`, '5', json);
      expect(await get(`${prefix}old`)).toEqual({ text: '5', etag: '1' });
    });

    it('are not made of what is no JSON, or of what RedisJSON does not take: nothing of it is lost', async () => {
      const key = `${prefix}odd`;
      await set(key, '{}', json);
      const deep = '['.repeat(200) + ']'.repeat(200);
      for (const [index, text] of ['1,"version":99', '{"a":1', '1e999', deep].entries()) {
        await set(key, text, json);
        expect(await get(key)).toEqual({ text, etag: String(index + 2) });
      }
      const bytes = Buffer.from([0x22, 0xff, 0x22]);
      await store.set({ key, value: bytes, ...json }, signal);
      expect((await store.get({ key }, signal))?.value).toEqual(bytes);
    });

    it('are found also when they were there before the index, and again when the index was dropped', async () => {
      const own = `${prefix}own||`;
      await set(`${own}1`, '{"language":"fi"}', json);
      await set(`${own}2`, '{"language":"pl"}', json);
      const filter = { op: 'EQ', key: 'language', value: 'fi' } as const;
      await using late = await createStore({ redisHost, queryIndexes });
      expect(await find({ filter, keyPrefix: own }, late)).toEqual([`${own}1`]);
      const names = ((await raw.send('FT._LIST', [])) as Buffer[]).map(String);
      await Promise.all(names.map((name) => raw.send('FT.DROPINDEX', [name]).catch(() => undefined)));
      expect(await find({ filter, keyPrefix: own }, late)).toEqual([`${own}1`]);
      expect(new Set(await find({ keyPrefix: own }))).toEqual(new Set([`${own}1`, `${own}2`]));
    });

    it.each([
      ['another index', {}, { queryIndexName: 'films' }, /"films".*one of "books"/],
      ['no index', {}, {}, /names no index.*queryIndexName/],
      [
        'a path that is not indexed',
        { filter: { op: 'EQ', key: 'pages', value: 1 } },
        metadata,
        /"pages".*queryIndexes/,
      ],
      ['an order of texts', { filter: { op: 'GT', key: 'title', value: 'A' } }, metadata, /no order|texts/],
      ['a text as a number', { filter: { op: 'EQ', key: 'author.born', value: 'A' } }, metadata, /numbers/],
    ] as const)('cannot be asked by %s, and the answer says why', async (_, query, own, message) => {
      await expect(store.query?.({ sort: [], ...query }, own, signal)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(message),
      });
    });
  });
});

requireBackend(
  'OUTRIGGER_TEST_REDIS',
  'eval "$(e2e/backends/up.sh redis)", then npm run test:backends',
  (redisHost) => {
    describe('state.redis on a server without RediSearch', () => {
      it('has no queries, and says so where queryIndexes asks for them', async () => {
        await using store = await createStore({ redisHost });
        expect(store.query).toBeUndefined();
        await expect(createStore({ redisHost, queryIndexes })).rejects.toMatchObject({
          code: 'invalid-argument',
          message: expect.stringMatching(/queryIndexes.*RediSearch/),
        });
      });

      it('keeps JSON as the bytes that were given', async () => {
        await using store = await createStore({ redisHost });
        const key = randomUUID();
        await store.set({ key, value: Buffer.from('{"id": 1}'), ...json }, signal);
        expect(await store.get({ key }, signal)).toMatchObject({ value: Buffer.from('{"id": 1}'), etag: '1' });
      });

      it.each([
        [{ queryIndexes: 'x' }, /queryIndexes is not JSON/],
        [{ queryIndexes: '[{"name":"a"}]' }, /queryIndexes\[0\]\.indexes must be a list/],
        [{ queryIndexes: '[{"name":"a","indexes":[{"key":"k","type":"GEO"}]}]' }, /"GEO" is none of/],
        [{ queryIndexes, redisDB: '1' }, /redisDB/],
        [{ queryIndexes, redisType: 'cluster' }, /cluster/],
      ])('refuses %s', async (properties, message) => {
        await expect(createStore({ redisHost, ...properties })).rejects.toThrow(message);
      });
    });
  },
);
