import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, parseMetadata, silentLogger } from '@outrigger/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SqliteDatabase } from './database.ts';
import { sqliteFields } from './fields.ts';
import { migrate } from './migrate.ts';
import { openSqlite } from './open.ts';

const { signal } = new AbortController();
const folder = mkdtempSync(join(tmpdir(), 'sqlite-client-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const open = (connectionString: string, properties = {}, logger: Logger = silentLogger) =>
  openSqlite(parseMetadata(sqliteFields, { connectionString, ...properties }).values, { logger, signal });
const count = (database: SqliteDatabase) => database.statement('SELECT count(*) AS n FROM t').get()?.['n'];

describe('transactions', () => {
  let database: SqliteDatabase;
  let other: SqliteDatabase;
  beforeAll(async () => {
    database = await open(join(folder, 'a.db'), { busyTimeout: '200ms' });
    other = await open(join(folder, 'a.db'));
    await migrate(
      database,
      { metadataTable: 'metadata', key: 'm', levels: ['CREATE TABLE t (a INTEGER PRIMARY KEY)'] },
      signal,
    );
  });
  afterAll(() => Promise.all([database[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]));
  const insert = (a: number, into = database) => into.statement('INSERT INTO t VALUES (?)').run(a);

  it('stand each for itself although one turn of the loop shares a transaction', async () => {
    const results = await Promise.allSettled([
      database.immediateTransaction(() => insert(1).changes, signal),
      database.immediateTransaction(() => {
        insert(2);
        insert(3);
        throw new Error('halfway');
      }, signal),
      database.immediateTransaction(() => insert(1), signal),
      database.immediateTransaction(() => insert(4).changes, signal),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { message: 'halfway' } });
    expect(
      database
        .statement('SELECT a FROM t')
        .all()
        .map(({ a }) => a),
    ).toEqual([1, 4]);
  });

  it('go on serving the event loop and other readers while another connection holds the lock', async () => {
    other.execute('BEGIN IMMEDIATE');
    let turns = 0;
    const ticking = setInterval(() => turns++, 5);
    const before = count(database);
    await expect(database.immediateTransaction(() => insert(10), signal)).rejects.toMatchObject({
      code: 'unavailable',
    });
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(5);
    expect(await database.read(() => count(database), signal)).toBe(before);
    const late = database.immediateTransaction(() => insert(11), signal);
    other.execute('ROLLBACK');
    await late;
    expect(count(database)).toBe(Number(before) + 1);
  });

  it('are not done for a caller who has gone', async () => {
    other.execute('BEGIN IMMEDIATE');
    const controller = new AbortController();
    const gone = new Error('gone');
    const abandoned = database.immediateTransaction(() => insert(20), controller.signal);
    const wanted = database.immediateTransaction(() => insert(21), signal);
    controller.abort(gone);
    await expect(abandoned).rejects.toBe(gone);
    other.execute('ROLLBACK');
    await wanted;
    expect(
      database
        .statement('SELECT a FROM t WHERE a >= 20')
        .all()
        .map(({ a }) => a),
    ).toEqual([21]);
  });

  it('that were handed in are finished before it closes, and later ones refused', async () => {
    const closing = await open(join(folder, 'a.db'));
    const written = closing.immediateTransaction(() => insert(30, closing).changes, signal);
    await closing[Symbol.asyncDispose]();
    expect(await written).toBe(1);
    await expect(closing.immediateTransaction(() => insert(31), signal)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(closing.read(() => 1, signal)).rejects.toMatchObject({ code: 'unavailable' });
  });
});

it('one transaction that finds the disk full does not take those with it that share its turn', async () => {
  await using database = await open(`${join(folder, 'full.db')}?_pragma=max_page_count(10)`);
  const levels = ['CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)'];
  await migrate(database, { metadataTable: 'metadata', key: 'm', levels }, signal);
  const insert = (a: number, size: number) =>
    database.immediateTransaction(
      () => database.statement('INSERT INTO t VALUES (?, ?)').run(a, Buffer.alloc(size)),
      signal,
    );
  await insert(1, 10);
  const results = await Promise.allSettled([insert(2, 10), insert(3, 100_000), insert(4, 10)]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(results[1]).toMatchObject({
    reason: { code: 'unavailable', message: expect.stringMatching(/is full: free space/) },
  });
  expect(count(database)).toBe(3);
});

describe('connection strings', () => {
  const journal = async (connectionString: string, properties = {}) => {
    await using database = await open(connectionString, properties);
    return [
      database.statement('PRAGMA journal_mode').get()?.['journal_mode'],
      database.statement('PRAGMA synchronous').get()?.['synchronous'],
    ];
  };

  it('turn on write-ahead logging with normal synchronisation, where that is possible', async () => {
    expect(await journal(join(folder, 'wal.db'))).toEqual(['wal', 1]);
    expect(await journal(`file:${folder}/wal%202.db`)).toEqual(['wal', 1]);
    expect(await journal(join(folder, 'plain.db'), { disableWAL: 'true' })).toEqual(['delete', 2]);
    expect(await journal(':memory:')).toEqual(['memory', 2]);
  });

  it('may hold pragmas, which win', async () => {
    expect(await journal(`${join(folder, 'full.db')}?_pragma=synchronous(FULL)`)).toEqual(['wal', 2]);
  });

  it('keep databases in memory apart unless they say otherwise', async () => {
    await using one = await open(':memory:');
    await using two = await open(':memory:');
    one.execute('CREATE TABLE t (a)');
    expect(() => count(two)).toThrow('no such table');
    await using three = await open('file:shared?mode=memory&cache=shared');
    await using four = await open('file:shared?mode=memory&cache=shared');
    three.execute('CREATE TABLE t (a)');
    expect(count(four)).toBe(0);
  });

  it.each([
    ['x.db?_pragma=busy_timeout(5)', 'busyTimeout'],
    ['x.db?_pragma=journal_mode=off', 'disableWAL'],
    ['x.db?_pragma=user_version(1);DROP TABLE t', 'name(value)'],
    ['file:100%.db', '%25'],
    ['file:', 'names no file'],
  ])('like %s are refused with the way out', async (connectionString, hint) => {
    await expect(open(connectionString)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(hint),
    });
  });

  it('say when a transaction mode is ignored', async () => {
    const warnings: string[] = [];
    await using _ = await open(
      ':memory:?_txlock=deferred',
      {},
      { ...silentLogger, warn: (message) => void warnings.push(message) },
    );
    expect(warnings).toEqual([expect.stringContaining('_txlock=deferred')]);
  });
});

it('lets migrations go on from the level that was reached, in one transaction with it', async () => {
  await using database = await open(':memory:');
  const first = ['CREATE TABLE t (a)'];
  const bring = (levels: readonly string[]) =>
    migrate(database, { metadataTable: 'metadata', key: 'm', levels }, signal);
  await bring(first);
  await bring(first);
  await expect(bring([...first, 'ALTER TABLE t ADD COLUMN b', 'nonsense'])).rejects.toThrow('syntax error');
  expect(database.statement('SELECT value FROM metadata').get()?.['value']).toBe('1');
  await bring([...first, 'ALTER TABLE t ADD COLUMN b']);
  expect(database.statement('SELECT value FROM metadata').get()?.['value']).toBe('2');
  expect(database.statement('PRAGMA table_info(t)').all()).toHaveLength(2);
});
