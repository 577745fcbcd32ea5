import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { ComponentError, type Logger, type PubSub, silentLogger } from '@outrigger/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPubSub } from './create.ts';
import { TemporaryDatabase } from './temporary-database.ts';

const never = new AbortController().signal;
const patient = { timeout: 60_000, interval: 10 };

const textOf = ({ data }: { data: Uint8Array }) => Buffer.from(data).toString();
const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index));

describe('pubsub.sqlite when things go wrong', () => {
  let database: TemporaryDatabase;
  let lines: string[];
  let logger: Logger;
  beforeEach(() => {
    database = new TemporaryDatabase();
    lines = [];
    logger = {
      ...silentLogger,
      warn: (message: string) => void lines.push(`warn ${message}`),
      info: (message: string) => void lines.push(`info ${message}`),
    };
  });
  afterEach(() => database[Symbol.dispose]());

  const create = (more: Record<string, string> = {}) =>
    createPubSub(
      { connectionString: database.path, consumerID: 'app', redeliverInterval: '50ms', ...more },
      { logger },
    );
  const publish = (pubSub: PubSub, topic: string, text: string, signal = never) =>
    pubSub.publish({ topic, data: Buffer.from(text), metadata: {} }, signal);
  const collect = async (pubSub: PubSub, topic: string) => {
    const seen: string[] = [];
    await pubSub.subscribe({ topic, metadata: {} }, async (message) => void seen.push(textOf(message)), never);
    return seen;
  };

  it('a file that another process keeps locked loses nothing: publishes wait, then fail clearly, and all goes on', async () => {
    await using pubSub = await create({ busyTimeout: '1s' });
    await using patientOne = await create({ busyTimeout: '20s', consumerID: 'patient' });
    const seen = await collect(pubSub, 'orders');
    await publish(pubSub, 'orders', 'before');
    await vi.waitFor(() => expect(seen).toEqual(['before']), patient);
    using file = new DatabaseSync(database.path);
    await vi.waitFor(() => file.exec('BEGIN IMMEDIATE'), patient);
    const waiting = publish(patientOne, 'orders', 'patient');
    // more at a time than go into one transaction: they wait beside, not after each other
    const started = performance.now();
    const refusals = await Promise.allSettled(numbers(1500).map((text) => publish(pubSub, 'orders', text)));
    expect(performance.now() - started).toBeLessThan(4500);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ reason: { code: 'unavailable', message: expect.stringMatching(/busyTimeout/) } });
    }
    await expect(publish(patientOne, 'orders', 'given up', AbortSignal.timeout(100))).rejects.toThrow(/timeout/);
    await delay(2000);
    file.exec('COMMIT');
    await waiting;
    await publish(pubSub, 'orders', 'after');
    await vi.waitFor(() => expect(seen).toEqual(['before', 'patient', 'after']), patient);
  });

  it('a lock that keeps acknowledgements waiting is told of once, and so is its end', async () => {
    await using pubSub = await create({ busyTimeout: '50ms', consumerID: 'app' });
    using file = new DatabaseSync(database.path);
    let handed = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const topic of ['a', 'b']) {
      await pubSub.subscribe({ topic, metadata: {} }, () => (handed++, promise), never);
      for (const text of numbers(5)) await publish(pubSub, topic, text);
    }
    await vi.waitFor(() => expect(handed).toBe(10), patient);
    await vi.waitFor(() => file.exec('BEGIN IMMEDIATE'), patient);
    resolve();
    await delay(1500);
    file.exec('COMMIT');
    const left = () => file.prepare('SELECT count(*) AS n FROM pubsub_deliveries').get()?.['n'];
    await vi.waitFor(() => expect(left()).toBe(0), patient);
    expect(handed).toBe(10);
    expect(lines).toEqual([
      expect.stringMatching(/^warn could not fetch or acknowledge .*busyTimeout/),
      expect.stringMatching(/^info .*again/),
    ]);
  });

  it('a full disk is a clear error for publishers, consumers go on, and their progress makes room', async () => {
    await using pubSub = await create({ connectionString: `${database.path}?_pragma=max_page_count(80)` });
    const { promise, resolve } = Promise.withResolvers<void>();
    const seen: string[] = [];
    const handler = async (message: { data: Uint8Array }) => {
      await promise;
      seen.push(textOf(message).trimEnd());
    };
    const confirmed: string[] = [];
    let failure: unknown;
    for (let index = 0; failure === undefined; index++) {
      const text = String(index);
      try {
        await publish(pubSub, 'orders', text.padEnd(2000));
        confirmed.push(text);
      } catch (error) {
        failure = error;
      }
    }
    expect(ComponentError.is(failure) && failure.retryable).toBe(true);
    expect(failure).toMatchObject({ message: expect.stringMatching(/is full: free space/) });
    resolve();
    await pubSub.subscribe({ topic: 'orders', metadata: {} }, handler, never);
    await vi.waitFor(() => expect(seen).toEqual(confirmed), patient);
    await vi.waitFor(() => publish(pubSub, 'orders', 'room again'), patient);
    await vi.waitFor(() => expect(seen).toContain('room again'), patient);
  });

  it('kill -9 of a publisher loses nothing that was confirmed', async () => {
    await using pubSub = await create();
    const seen = await collect(pubSub, 'orders');
    const script = new URL('publisher-process.ts', import.meta.url).pathname;
    const options = ['--disable-warning=ExperimentalWarning', '--conditions=@outrigger/source', script];
    const child = spawn(process.execPath, [...options, database.path, 'orders'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const confirmed: string[] = [];
    createInterface(child.stdout).on('line', (line) => confirmed.push(line));
    await vi.waitUntil(() => confirmed.length > 500, patient);
    child.kill('SIGKILL');
    await once(child, 'close');
    const all = new Set<string>();
    await vi.waitFor(() => {
      for (const text of seen) all.add(text);
      expect(confirmed.filter((text) => !all.has(text))).toEqual([]);
    }, patient);
    expect(seen).toEqual(seen.toSorted((a, b) => Number(a) - Number(b)));
  });

  it('with concurrency 1 nothing overtakes a message that fails', async () => {
    await using pubSub = await create({ concurrency: '1' });
    const handed: string[] = [];
    let failures = 0;
    const handler = async (message: { data: Uint8Array }) => {
      handed.push(textOf(message));
      if (textOf(message) === '3' && ++failures <= 3) throw new Error('not yet');
    };
    const subscription = await pubSub.subscribe({ topic: 'orders', metadata: {} }, handler, never);
    await Promise.all(numbers(8).map((text) => publish(pubSub, 'orders', text)));
    await vi.waitFor(() => expect(failures).toBe(1), patient);
    // also when it is given back in between
    await subscription.pause();
    await subscription.resume();
    await vi.waitFor(() => expect(handed.at(-1)).toBe('7'), patient);
    expect(handed).toEqual(['0', '1', '2', '3', '3', '3', '3', '4', '5', '6', '7']);
  });

  it('a message that fails in its place goes to another instance when this one is paused', async () => {
    await using one = await create({ concurrency: '1', redeliverInterval: '1h' });
    let failures = 0;
    const failing = async () => {
      failures++;
      throw new Error('fails here');
    };
    const subscription = await one.subscribe({ topic: 'orders', metadata: {} }, failing, never);
    await Promise.all(numbers(3).map((text) => publish(one, 'orders', text)));
    await vi.waitFor(() => expect(failures).toBe(1), patient);
    await using two = await create({ concurrency: '1' });
    const seen = await collect(two, 'orders');
    await subscription.pause();
    await vi.waitFor(() => expect(seen).toHaveLength(3), patient);
  });

  it('holds no more than 16 MiB of large messages, and one at least', async () => {
    await using pubSub = await create({ queueDepth: '100' });
    const gate = Promise.withResolvers<void>();
    let handled = 0;
    const handler = async () => {
      await gate.promise;
      handled++;
    };
    for (let index = 0; index < 30; index++) {
      await pubSub.publish({ topic: 'orders', data: Buffer.alloc(1024 * 1024), metadata: {} }, never);
    }
    await pubSub.publish({ topic: 'orders', data: Buffer.alloc(20 * 1024 * 1024), metadata: {} }, never);
    await pubSub.subscribe({ topic: 'orders', metadata: {} }, handler, never);
    using file = new DatabaseSync(database.path);
    const held = () => file.prepare('SELECT count(*) AS n FROM pubsub_deliveries WHERE owner IS NOT NULL').get()?.['n'];
    await vi.waitFor(() => expect(held()).toBe(16), patient);
    await delay(300);
    expect(held()).toBe(16);
    gate.resolve();
    await vi.waitFor(() => expect(handled).toBe(31), patient);
  });

  it('costs next to nothing while nothing happens', async () => {
    await using pubSub = await create();
    for (const topic of numbers(5)) await collect(pubSub, topic);
    await publish(pubSub, '0', 'x');
    await delay(1500); // what the start and this message left to do
    const before = process.cpuUsage();
    await delay(2000);
    const { user, system } = process.cpuUsage(before);
    // of one core; measured at 0.13 %
    expect((user + system) / 2_000_000).toBeLessThan(0.05);
  });
});
