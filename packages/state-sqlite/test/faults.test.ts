import { copyFileSync, mkdirSync, openSync, closeSync, statSync, writeSync } from 'node:fs';
import type { StateStore } from '@outrigger/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStore, TemporaryFolder } from './create.ts';

const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
const { signal } = new AbortController();
const value = Buffer.from('value');
const text = async (store: StateStore, key: string) =>
  Buffer.from((await store.get({ key }, signal))?.value ?? []).toString();

describe('state.sqlite where the file is not as it should be', () => {
  const folder = new TemporaryFolder();
  beforeAll(async () => {
    await using store = await createStore({ connectionString: folder.file() });
    const requests = Array.from({ length: 200 }, (_, index) => ({ key: `k${index}`, value: Buffer.alloc(500, 'x') }));
    await store.setMany?.(requests, signal);
  });
  afterAll(() => folder[Symbol.dispose]());

  it('reads a file that may only be read, and says so of a write', async () => {
    await using store = await createStore({ connectionString: `file:${folder.file()}?mode=ro` });
    expect(await store.get({ key: 'k1' }, signal)).toBeDefined();
    await expect(store.set({ key: 'k', value }, signal)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/readonly.*mode=ro/),
    });
    await expect(createStore({ connectionString: `file:${folder.file('none.db')}?mode=ro` })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('none.db'),
    });
  });

  it('says so of a folder in place of a file', async () => {
    mkdirSync(folder.file('folder.db'));
    await expect(createStore({ connectionString: folder.file('folder.db') })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/folder\.db.*read and written/),
    });
  });

  it('says so of a full disk, keeps what was there, and writes again once there is room', async () => {
    const connectionString = `${folder.file('full.db')}?_pragma=max_page_count(12)`;
    await using store = await createStore({ connectionString });
    await store.set({ key: 'k', value }, signal);
    const large = { key: 'k', value: Buffer.alloc(200_000) };
    const isFull = { code: 'unavailable', message: expect.stringMatching(/full.*free space/) };
    await expect(store.set(large, signal)).rejects.toMatchObject(isFull);
    const operations = [
      { operation: 'set', key: 'other', value },
      { operation: 'set', ...large },
    ] as const;
    await expect(store.transact?.(operations, {}, signal)).rejects.toMatchObject(isFull);
    const outcomes = await store.setMany?.([{ key: 'small', value }, large], signal);
    expect(outcomes).toMatchObject([{ ok: true }, { ok: false, error: isFull }]);
    expect(await text(store, 'k')).toBe('value');
    expect(await store.get({ key: 'other' }, signal)).toBeUndefined();
    await store.set({ key: 'k', value: Buffer.from('again') }, signal);
    expect(await text(store, 'k')).toBe('again');
  });

  it('says so of a damaged file, and never gives a wrong value', async () => {
    const damaged = folder.file('damaged.db');
    // what is still in the log is moved into the file
    const raw = new DatabaseSync(folder.file());
    raw.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    raw.close();
    copyFileSync(folder.file(), damaged);
    const descriptor = openSync(damaged, 'r+');
    const { size } = statSync(damaged);
    for (let at = 4096; at < size; at += 4096) writeSync(descriptor, Buffer.alloc(64, 0xff), 0, 64, at);
    closeSync(descriptor);
    const damage = { code: 'internal', message: expect.stringMatching(/malformed.*damaged/) };
    const opened = await createStore({ connectionString: damaged }).catch((error: unknown) => error);
    if (opened instanceof Error) {
      expect(opened).toMatchObject(damage);
    } else {
      await using store = opened as StateStore;
      await expect(store.get({ key: 'k150' }, signal)).rejects.toMatchObject(damage);
    }
  });

  it('says so of a file that is no database', async () => {
    await expect(createStore({ connectionString: import.meta.filename })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/not a database.*connectionString/),
    });
  });

  it('takes file: URIs with parameters, and databases in memory that share', async () => {
    const uri = `file:${folder.file('a%20b%3f.db')}?mode=rwc&cache=private`;
    await using one = await createStore({ connectionString: uri });
    await one.set({ key: 'k', value }, signal);
    expect(statSync(folder.file('a b?.db')).size).toBeGreaterThan(0);
    const shared = 'file:faults-test?mode=memory&cache=shared';
    await using two = await createStore({ connectionString: shared });
    await using three = await createStore({ connectionString: shared });
    await two.set({ key: 'k', value }, signal);
    expect(await text(three, 'k')).toBe('value');
  });

  it('goes on with the tables of an older level, made by several at once', async () => {
    const old = folder.file('old.db');
    const raw = new DatabaseSync(old);
    // as it was before its level was kept: the table, and no entry about it
    raw.exec('CREATE TABLE metadata (key text NOT NULL PRIMARY KEY, value text NOT NULL)');
    raw.exec(`CREATE TABLE state (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, is_binary BOOLEAN NOT NULL,
      etag TEXT NOT NULL, expiration_time TIMESTAMP DEFAULT NULL, update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)`);
    raw.exec("INSERT INTO state (key, value, is_binary, etag) VALUES ('k', 'value', 0, 'e')");
    const stores = await Promise.all(Array.from({ length: 8 }, () => createStore({ connectionString: old })));
    for (const store of stores) expect(await store.get({ key: 'k' }, signal)).toMatchObject({ etag: 'e' });
    expect(
      raw
        .prepare('SELECT value FROM metadata')
        .all()
        .map((row) => ({ ...row })),
    ).toEqual([{ value: '1' }]);
    raw.close();
    await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
  });

  it('refuses nothing and breaks nothing where a newer version has made the tables', async () => {
    const newer = folder.file('newer.db');
    await (await createStore({ connectionString: newer }))[Symbol.asyncDispose]();
    const raw = new DatabaseSync(newer);
    raw.exec("UPDATE metadata SET value = '7' WHERE key = 'migrations'");
    await using store = await createStore({ connectionString: newer });
    await store.set({ key: 'k', value }, signal);
    expect({ ...raw.prepare('SELECT value FROM metadata').get() }).toEqual({ value: '7' });
    raw.close();
  });
});
