import { chmod, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type AppInstance, type Logger, type NameResolver, parseMetadata, silentLogger } from '@outrigger/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { defaultFile } from './default-file.ts';
import definition from './index.ts';

const { signal } = new AbortController();
const orders: AppInstance = { appId: 'orders', namespace: 'shop', host: '127.0.0.1', port: 20_001 };
let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrigger-names-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  file = join(await mkdtemp(join(folder, 'x-')), 'names.db');
});

function open(properties: Record<string, string> = {}, logger: Logger = silentLogger): Promise<NameResolver> {
  const { values: metadata } = parseMetadata(definition.metadata, { connectionString: file, ...properties });
  return definition.create({ name: '', metadata, properties, appId: 'app', namespace: '', logger, signal });
}

function addressesOf(resolver: NameResolver, appId: string, namespace = ''): Promise<readonly string[]> {
  return resolver.resolve({ appId, namespace, port: 1 }, signal);
}

/** Another program on the same file. */
function withFile<T>(use: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(file);
  try {
    return use(database);
  } finally {
    database.close();
  }
}

/** A row as Dapr writes it. */
function insert(id: string, address: string, appId: string, age = 0): void {
  withFile((database) =>
    database.prepare(`INSERT INTO hosts VALUES (?, ?, ?, '', unixepoch() - ?)`).run(id, address, appId, age),
  );
}

describe('the table', () => {
  it('is the one that Dapr makes and reads', async () => {
    await using resolver = await open();
    await resolver.register?.(orders, signal);
    const [row] = withFile((database) => database.prepare('SELECT * FROM hosts').all());
    expect(Object.keys(row ?? {})).toEqual(['registration_id', 'address', 'app_id', 'namespace', 'last_update']);
    expect(row).toMatchObject({ address: '127.0.0.1:20001', app_id: 'orders', namespace: 'shop' });
    expect(Math.abs(Number(row?.['last_update']) - Date.now() / 1000)).toBeLessThan(3);
    const level = withFile((database) =>
      database.prepare(`SELECT value FROM metadata WHERE key = 'nr-migrations'`).get(),
    );
    expect(level).toEqual({ value: '1' });
  });

  it('may have another name', async () => {
    await using resolver = await open({ tableName: 'places', metadataTableName: 'facts' });
    await resolver.register?.(orders, signal);
    expect(withFile((database) => database.prepare('SELECT count(*) AS n FROM places').get())).toEqual({ n: 1 });
    expect(await addressesOf(resolver, 'orders', 'shop')).toEqual(['127.0.0.1:20001']);
  });
});

describe('addresses that Dapr has written', () => {
  it('are found from every namespace, because Dapr writes none', async () => {
    await using resolver = await open();
    insert('1', '10.0.0.1:1', 'stock');
    expect(await addressesOf(resolver, 'stock')).toEqual(['10.0.0.1:1']);
    expect(await addressesOf(resolver, 'stock', 'shop')).toEqual(['10.0.0.1:1']);
  });

  it('stand back where the namespace has its own', async () => {
    await using resolver = await open();
    insert('1', '10.0.0.1:1', 'orders');
    await resolver.register?.(orders, signal);
    expect(await addressesOf(resolver, 'orders', 'shop')).toEqual(['127.0.0.1:20001']);
  });

  it('are ignored once nobody renews them', async () => {
    await using resolver = await open();
    insert('1', '10.0.0.1:1', 'stock', 4);
    insert('2', '10.0.0.1:2', 'stock', 5);
    expect(await addressesOf(resolver, 'stock')).toEqual(['10.0.0.1:1']);
  });
});

it('a registration under way when the resolver closes leaves no row', async () => {
  const resolver = await open();
  const registered = resolver.register?.(orders, signal).catch(() => undefined);
  await resolver[Symbol.asyncDispose]();
  await registered;
  expect(withFile((database) => database.prepare('SELECT count(*) AS rows FROM hosts').get())).toEqual({ rows: 0 });
});

describe('as time passes', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const ageOf = (address: string) =>
    withFile((database) =>
      database.prepare('SELECT unixepoch() - last_update AS age FROM hosts WHERE address = ?').get(address),
    )?.['age'];

  it('a registration is renewed more than twice within updateInterval', async () => {
    await using resolver = await open();
    await resolver.register?.(orders, signal);
    withFile((database) => database.exec('UPDATE hosts SET last_update = last_update - 4'));
    vi.advanceTimersByTime(2000);
    await expect.poll(() => ageOf('127.0.0.1:20001')).toBeLessThan(4);
  });

  it('a registration that a peer has cleaned up is made again', async () => {
    await using resolver = await open();
    await resolver.register?.(orders, signal);
    withFile((database) => database.exec('DELETE FROM hosts'));
    vi.advanceTimersByTime(2000);
    await expect.poll(() => addressesOf(resolver, 'orders', 'shop')).toEqual(['127.0.0.1:20001']);
  });

  it('an address that another process has taken is left to it, with a warning', async () => {
    const warn = vi.fn<Logger['warn']>();
    await using resolver = await open({}, { ...silentLogger, warn });
    await resolver.register?.(orders, signal);
    withFile((database) => database.exec('DELETE FROM hosts'));
    insert('1', '127.0.0.1:20001', 'stock');
    vi.advanceTimersByTime(2000);
    await expect.poll(() => warn.mock.calls).toEqual([[expect.stringContaining('127.0.0.1:20001')]]);
    vi.advanceTimersByTime(10_000);
    expect(await addressesOf(resolver, 'stock')).toEqual(['127.0.0.1:20001']);
    expect(warn).toHaveBeenCalledOnce();
  });

  it('a renewal that fails is told and tried again', async () => {
    const warn = vi.fn<Logger['warn']>();
    await using resolver = await open({}, { ...silentLogger, warn });
    await resolver.register?.(orders, signal);
    withFile((database) => database.exec('ALTER TABLE hosts RENAME TO elsewhere'));
    vi.advanceTimersByTime(2000);
    await expect.poll(() => warn.mock.calls).toEqual([[expect.stringContaining('no such table')]]);
    withFile((database) => database.exec('ALTER TABLE elsewhere RENAME TO hosts'));
    withFile((database) => database.exec('UPDATE hosts SET last_update = last_update - 4'));
    vi.advanceTimersByTime(2000);
    await expect.poll(() => ageOf('127.0.0.1:20001')).toBeLessThan(4);
  });

  it('rows that nobody has renewed for a whole cleanupInterval are removed, by one sidecar at a time', async () => {
    await using one = await open({ cleanupInterval: '1m' });
    await using two = await open({ cleanupInterval: '1m' });
    insert('1', '10.0.0.1:1', 'dead', 61);
    insert('2', '10.0.0.1:2', 'asleep', 59);
    vi.advanceTimersByTime(60_000);
    const apps = () => withFile((database) => database.prepare('SELECT app_id FROM hosts').all());
    await expect.poll(apps).toEqual([{ app_id: 'asleep' }]);
    insert('3', '10.0.0.1:3', 'late', 61);
    vi.advanceTimersByTime(60_000);
    for (const resolver of [one, two]) await resolver.register?.({ ...orders, port: 20_002 }, signal);
    expect(apps()).toContainEqual({ app_id: 'late' });
  });
});

describe('metadata that cannot work', () => {
  it.each([
    [{ updateInterval: '1500ms' }, 'updateInterval: expected whole seconds'],
    [{ updateInterval: '2s', timeout: '1500ms' }, 'updateInterval: expected whole seconds, at least 1s above timeout'],
    [{ tableName: 'hosts; DROP TABLE x' }, 'tableName: only letters'],
    [{ metadataTableName: '"' }, 'metadataTableName: only letters'],
  ])('is refused: %j', async (properties, message) => {
    await expect(open(properties)).rejects.toThrow(message);
  });
});

describe('the default file', () => {
  it('is in a folder that no other user can enter, and stays the same', async () => {
    const path = defaultFile(folder);
    expect(defaultFile(folder)).toBe(path);
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700);
  });

  it.skipIf(process.platform === 'win32')('is refused when others have access to its folder', async () => {
    const base = await mkdtemp(join(folder, 'open-'));
    await chmod(join(defaultFile(base), '..'), 0o777);
    expect(() => defaultFile(base)).toThrow(/open to other users.*connectionString/);
  });

  it('says what to do when its folder cannot be made', async () => {
    const base = join(folder, 'a-file');
    await writeFile(base, '');
    expect(() => defaultFile(base)).toThrow(/cannot make the folder .*: set connectionString/);
  });

  it.skipIf(process.platform === 'win32')('is refused when its folder is a link that someone has laid', async () => {
    const base = await mkdtemp(join(folder, 'link-'));
    await symlink(folder, join(base, `outrigger-${process.getuid?.()}`));
    expect(() => defaultFile(base)).toThrow('open to other users');
  });
});
