import { silentLogger } from '@outrigger/core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createStore, TemporaryFolder } from './create.ts';

const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
const { signal } = new AbortController();
const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const sqlTime = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

describe('the tables of state.sqlite, as other tools see them', () => {
  const folder = new TemporaryFolder();
  let raw: InstanceType<typeof DatabaseSync>;
  const open = (properties = {}) => createStore({ connectionString: folder.file(), ...properties });
  const row = (key: string) => ({ ...raw.prepare('SELECT * FROM state WHERE key = ?').get(key) });

  beforeAll(async () => {
    await (await open())[Symbol.asyncDispose]();
    raw = new DatabaseSync(folder.file(), { timeout: 5000 });
  });
  afterAll(() => {
    raw.close();
    folder[Symbol.dispose]();
  });

  it('have the columns and the level that Dapr expects', () => {
    const columns = raw.prepare('PRAGMA table_info(state)').all();
    expect(columns.map(({ name, type, notnull, pk }) => [name, type, notnull, pk])).toEqual([
      ['key', 'TEXT', 1, 1],
      ['value', 'TEXT', 1, 0],
      ['is_binary', 'BOOLEAN', 1, 0],
      ['etag', 'TEXT', 1, 0],
      ['expiration_time', 'TIMESTAMP', 0, 0],
      ['update_time', 'TIMESTAMP', 1, 0],
    ]);
    expect({ ...raw.prepare("SELECT value FROM metadata WHERE key = 'migrations'").get() }).toEqual({ value: '1' });
  });

  it('hold JSON as text, under the key as it was given', async () => {
    await using store = await open();
    await store.set({ key: 'app||order', value: Buffer.from('{"id": 1, "name": "Żółw"}') }, signal);
    expect(row('app||order')).toEqual({
      key: 'app||order',
      value: '{"id": 1, "name": "Żółw"}',
      is_binary: 0,
      etag: uuid,
      expiration_time: null,
      update_time: expect.stringMatching(sqlTime),
    });
  });

  it('hold bytes that are no text in base64', async () => {
    await using store = await open();
    await store.set({ key: 'app||bytes', value: new Uint8Array([0, 255, 1]) }, signal);
    expect(row('app||bytes')).toMatchObject({ value: 'AP8B', is_binary: 1 });
  });

  it('hold the end of an item in UTC', async () => {
    await using store = await open();
    await store.set({ key: 'app||ttl', value: Buffer.from('1'), ttlInSeconds: 3600 }, signal);
    const { expiration_time: end } = row('app||ttl');
    expect(end).toMatch(sqlTime);
    const seconds = Date.parse(`${String(end).replace(' ', 'T')}Z`) - Date.now();
    expect(Math.abs(seconds - 3_600_000)).toBeLessThan(2000);
    expect((await store.get({ key: 'app||ttl' }, signal))?.expiresAt?.toISOString()).toContain(
      String(end).replace(' ', 'T'),
    );
  });

  it('may hold what Dapr wrote', async () => {
    await using store = await open();
    const insert = raw.prepare(
      'INSERT INTO state (key, value, is_binary, etag, expiration_time) VALUES (?, ?, ?, ?, DATETIME(CURRENT_TIMESTAMP, ?))',
    );
    insert.run('dapr||json', '{"a":1}', 0, 'c0ffee00-0000-4000-8000-000000000001', null);
    insert.run('dapr||bytes', '3q2+7w==', 1, 'c0ffee00-0000-4000-8000-000000000002', '+60 seconds');
    insert.run('dapr||expired', '1', 0, 'c0ffee00-0000-4000-8000-000000000003', '-1 seconds');

    const json = await store.get({ key: 'dapr||json' }, signal);
    expect(Buffer.from(json?.value ?? []).toString()).toBe('{"a":1}');
    expect(json?.etag).toBe('c0ffee00-0000-4000-8000-000000000001');
    const bytes = await store.get({ key: 'dapr||bytes' }, signal);
    expect(Buffer.from(bytes?.value ?? []).toString('hex')).toBe('deadbeef');
    expect(bytes?.expiresAt).toBeInstanceOf(Date);
    expect(await store.get({ key: 'dapr||expired' }, signal)).toBeUndefined();

    await store.set({ key: 'dapr||json', value: Buffer.from('2'), etag: json?.etag ?? '' }, signal);
    expect(row('dapr||json')).toMatchObject({ value: '2', is_binary: 0, etag: uuid });
  });

  it('are cleaned of expired rows, and of nothing else, where that is asked for', async () => {
    const insert = raw.prepare(
      "INSERT INTO state (key, value, is_binary, etag, expiration_time) VALUES (?, '1', 0, 'e', ?)",
    );
    for (const key of ['clean||old1', 'clean||old2']) insert.run(key, '2020-01-01 00:00:00');
    insert.run('clean||future', '2999-01-01 00:00:00');
    insert.run('clean||kept', null);
    await using _ = await open({ cleanupInterval: '100ms' });
    const keys = () =>
      raw
        .prepare("SELECT key FROM state WHERE key LIKE 'clean%' ORDER BY key")
        .all()
        .map(({ key }) => key);
    await vi.waitFor(() => expect(keys()).toEqual(['clean||future', 'clean||kept']), { timeout: 60_000 });
    expect({ ...raw.prepare("SELECT value FROM metadata WHERE key = 'last-cleanup'").get() }).toEqual({
      value: expect.stringMatching(sqlTime),
    });
  });

  it('are cleaned by one process at a time', async () => {
    raw.exec("REPLACE INTO metadata VALUES ('last-cleanup', DATETIME(CURRENT_TIMESTAMP, '+1 hour'))");
    raw.exec(
      "REPLACE INTO state (key, value, is_binary, etag, expiration_time) VALUES ('claimed', '1', 0, 'e', '2020-01-01 00:00:00')",
    );
    const done: string[] = [];
    const logger = { ...silentLogger, debug: (message: string) => void done.push(message) };
    await using _ = await createStore({ connectionString: folder.file(), cleanupInterval: '50ms' }, logger);
    await vi.waitFor(() => expect(done).toContain('removed 0 expired rows'), { timeout: 60_000 });
    expect(row('claimed')).toMatchObject({ key: 'claimed' });
  });

  it('take other names', async () => {
    await using store = await open({ tableName: 'things', metadataTableName: 'things_meta' });
    await store.set({ key: 'k', value: Buffer.from('v') }, signal);
    expect({ ...raw.prepare('SELECT key, value FROM things').get() }).toEqual({ key: 'k', value: 'v' });
    expect({ ...raw.prepare('SELECT * FROM things_meta').get() }).toEqual({ key: 'migrations', value: '1' });
  });

  it('cannot have names that would be more than a name', async () => {
    await expect(open({ tableName: 'state; DROP TABLE state' })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('tableName'),
    });
  });
});

describe('state.sqlite and a file that is not right', () => {
  it('says which folder is missing', async () => {
    using folder = new TemporaryFolder();
    await expect(createStore({ connectionString: folder.file('missing/state.db') })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(folder.file('missing')),
    });
  });

  it('says that a file is no database', async () => {
    await expect(createStore({ connectionString: import.meta.filename })).rejects.toMatchObject({
      message: expect.stringContaining('file is not a database'),
    });
  });

  it('waits for another process to let go of the lock, and not for ever', async () => {
    using folder = new TemporaryFolder();
    await using store = await createStore({ connectionString: folder.file(), busyTimeout: '300ms' });
    const other = new DatabaseSync(folder.file());
    other.exec('BEGIN IMMEDIATE');
    await expect(store.set({ key: 'k', value: Buffer.from('v') }, signal)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('busyTimeout'),
    });
    const write = store.set({ key: 'k', value: Buffer.from('v') }, signal);
    expect(await store.get({ key: 'k' }, signal)).toBeUndefined();
    other.exec('COMMIT');
    await write;
    other.close();
    expect(await store.get({ key: 'k' }, signal)).toBeDefined();
  });
});
