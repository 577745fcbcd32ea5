import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../user-error.ts';
import type { Instance } from './instance.ts';
import { Registry } from './registry.ts';

const home = mkdtempSync(join(tmpdir(), 'outrigger-registry-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function instance(appId: string, change: Partial<Instance> = {}): Instance {
  const pids = { cliPid: process.pid, sidecarPid: process.pid };
  const startedAt = '2026-01-01T00:00:00.000Z';
  return {
    appId,
    ...pids,
    httpPort: 3500,
    grpcPort: 50_001,
    command: [],
    resourcesPaths: [],
    configPaths: [],
    startedAt,
    ...change,
  };
}

describe('the registry of what runs', () => {
  const registry = new Registry(home);
  beforeEach(() => rmSync(registry.folder, { recursive: true, force: true }));

  it('lists what was added until it is removed, and is readable for this user alone', () => {
    expect(registry.list()).toEqual([]);
    const orders = instance('orders');
    const file = registry.add(orders);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    registry.add({ ...orders, appPid: 7 });
    expect(registry.list()).toEqual([{ ...orders, appPid: 7 }]);
    registry.remove(orders);
    expect(registry.list()).toEqual([]);
  });

  it('finds the youngest instance of an app', () => {
    registry.add(instance('orders', { sidecarPid: process.ppid, httpPort: 1 }));
    registry.add(instance('orders', { httpPort: 2, startedAt: '2026-01-02T00:00:00.000Z' }));
    registry.add(instance('stock/2', { httpPort: 3 }));
    expect(registry.find('orders')?.httpPort).toBe(2);
    expect(registry.find('stock/2')?.httpPort).toBe(3);
    expect(registry.find('absent')).toBeUndefined();
  });

  it.each(['', '{', 'null', '{}', '{"appId":"orders"}', '[]'])('says which file is none of its own: %s', (text) => {
    mkdirSync(registry.folder, { recursive: true });
    const file = join(registry.folder, 'orders-1.json');
    writeFileSync(file, text);
    expect(() => registry.list()).toThrow(new UserError(`${file} is not what outrigger run writes; remove it`));
  });

  it('forgets what has died', () => {
    // no process has an id as large as that
    registry.add(instance('gone', { sidecarPid: 2 ** 30 }));
    expect(registry.list()).toEqual([]);
    expect(readdirSync(registry.folder)).toEqual([]);
  });
});
