import { randomUUID } from 'node:crypto';
import { requireBackend } from '@outrigger/conformance';
import type { StateStore } from '@outrigger/core';
import { type Collection, Long, MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStore } from './create.ts';

const { signal } = new AbortController();
const start = 'eval "$(e2e/backends/up.sh mongo)", then npm run test:backends';

requireBackend('OUTRIGGER_TEST_MONGO', start, (host) => {
  describe('what state.mongodb keeps, as other tools see it', () => {
    let store: StateStore;
    let client: MongoClient;
    let raw: Collection<Record<string, unknown> & { _id: string }>;
    const databaseName = `layout-${randomUUID()}`;
    const params = '?directConnection=true';
    const text = async (key: string) => (await store.get({ key }, signal))?.value.toString();

    beforeAll(async () => {
      store = await createStore({ host, databaseName, collectionName: 'items', params });
      client = await MongoClient.connect(`mongodb://${host}/${params}`);
      raw = client.db(databaseName).collection('items');
    });
    afterAll(async () => {
      await client?.db(databaseName).dropDatabase();
      await Promise.all([store?.[Symbol.asyncDispose](), client?.close()]);
    });

    it('is a document under the key, with the JSON value as it can be queried, and the etag', async () => {
      await store.set({ key: 'app||order', value: Buffer.from('{"id":1,"of":{"a":["x"]}}') }, signal);
      const document = await raw.findOne({ 'value.of.a': 'x' });
      const item = await store.get({ key: 'app||order' }, signal);
      expect(document).toEqual({
        _id: 'app||order',
        value: { id: 1, of: { a: ['x'] } },
        _etag: item?.etag,
        _ttl: null,
      });
      expect(item?.etag).toMatch(/^[\da-f-]{36}$/);
    });

    it('is a text where the value is no object and no list, as Dapr keeps it', async () => {
      for (const value of ['"x"', '1', 'null', 'plain', '', '$x']) {
        await store.set({ key: 'text', value: Buffer.from(value) }, signal);
        expect((await raw.findOne({ _id: 'text' }))?.['value']).toBe(value);
      }
    });

    it('has the exact text beside a value that would come back spelt otherwise, and only then', async () => {
      await store.set({ key: 'exact', value: Buffer.from('{ "a": 1.0 }') }, signal);
      expect(await raw.findOne({ _id: 'exact' })).toMatchObject({ value: { a: 1 }, _exact: { text: '{ "a": 1.0 }' } });
      expect(await text('exact')).toBe('{ "a": 1.0 }');
      await store.set({ key: 'exact', value: Buffer.from('{"a":1}') }, signal);
      expect(await raw.findOne({ _id: 'exact' })).not.toHaveProperty('_exact');
    });

    it('is never answered with a text that is out of date', async () => {
      const write = () => store.set({ key: 'stale', value: Buffer.from('{ "a": 1 }') }, signal);
      await write();
      await raw.updateOne({ _id: 'stale' }, { $set: { value: { a: 2 }, _etag: randomUUID() } });
      expect(await text('stale')).toBe('{"a":2}');
      await write();
      await raw.updateOne({ _id: 'stale' }, { $set: { 'value.a': 3 } });
      expect(await text('stale')).toBe('{"a":3}');
    });

    it('may have been written by Dapr', async () => {
      const etag = randomUUID();
      await raw.insertMany([
        {
          _id: 'dapr',
          value: { a: 1.5, b: [true, null, Long.fromString('9007199254740993')] },
          _etag: etag,
          _ttl: null,
        },
        { _id: 'dapr-text', value: '"x"', _etag: etag, _ttl: null },
        { _id: 'dapr-number', value: 12, _etag: etag, _ttl: new Date(Date.now() + 3600_000) },
      ]);
      expect(await text('dapr')).toBe('{"a":1.5,"b":[true,null,9007199254740993]}');
      expect(await text('dapr-text')).toBe('"x"');
      const item = await store.get({ key: 'dapr-number' }, signal);
      expect(item?.value.toString()).toBe('12');
      expect(item?.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 3590_000);
      await store.set({ key: 'dapr', value: Buffer.from('2'), etag }, signal);
      await store.delete({ key: 'dapr-text', etag }, signal);
    });

    it('expires by a date that the server removes it by', async () => {
      const asked = Date.now();
      await store.set({ key: 'ttl', value: Buffer.from('1'), ttlInSeconds: 60 }, signal);
      const ends = (await raw.findOne({ _id: 'ttl' }))?.['_ttl'] as Date;
      expect(Math.abs(ends.getTime() - asked - 60_000)).toBeLessThan(5000);
      const indexes = await raw.indexes();
      expect(indexes).toContainEqual(expect.objectContaining({ key: { _ttl: 1 }, expireAfterSeconds: 0 }));
    });

    it('is not there once it has expired, though the server has not removed it yet', async () => {
      const expired = { value: 'old', _etag: 'e', _ttl: new Date(Date.now() - 1000) };
      const put = () => raw.replaceOne({ _id: 'expired' }, expired, { upsert: true });
      await put();
      expect(await text('expired')).toBeUndefined();
      expect((await store.keysLike?.({ pattern: 'expired' }, signal))?.keys).toEqual([]);
      const value = Buffer.from('new');
      await expect(store.set({ key: 'expired', value, etag: 'e' }, signal)).rejects.toMatchObject({
        code: 'etag-mismatch',
      });
      await expect(store.delete({ key: 'expired', etag: 'e' }, signal)).rejects.toMatchObject({
        code: 'etag-mismatch',
      });
      await store.set({ key: 'expired', value, concurrency: 'first-write' }, signal);
      expect(await text('expired')).toBe('new');
      await put();
      const operation = { operation: 'set', key: 'expired', value, concurrency: 'first-write' } as const;
      await store.transact?.([operation], {}, signal);
      expect(await text('expired')).toBe('new');
    });

    it('takes nothing in a value, a key or an etag for a part of the query language', async () => {
      const keys = ['$where', 'a.b', '{"$gt":""}', '.*', 'a\0b', '__proto__'];
      for (const key of keys) {
        const value = JSON.stringify({ [key]: { $gt: '', $where: 'sleep(1)', 'x.y': '$value' } });
        await store.set({ key, value: Buffer.from(value) }, signal);
        expect(await text(key)).toBe(value);
        const guarded = store.set({ key, value: Buffer.from('x'), etag: '{"$ne":""}' }, signal);
        await expect(guarded).rejects.toMatchObject({ code: 'etag-mismatch' });
        expect((await store.keysLike?.({ pattern: key.replaceAll('_', '\\_') }, signal))?.keys).toEqual([key]);
      }
      await store.set({ key: 'dots', value: Buffer.from('{"x.y":"$value","z":{"a.b":1}}') }, signal);
      expect((await raw.findOne({ _id: 'dots' }))?.['value']).toEqual({ 'x.y': '$value', z: { 'a.b': 1 } });
    });
  });
});
