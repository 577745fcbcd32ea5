import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import type { PubSub } from '@outrigger/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPubSub } from './create.ts';
import { TemporaryDatabase } from './temporary-database.ts';

const never = new AbortController().signal;
const patient = { timeout: 60_000, interval: 5 };

describe('pubsub.sqlite and its file', () => {
  let database: TemporaryDatabase;
  let file: DatabaseSync;
  beforeEach(() => {
    database = new TemporaryDatabase();
    file = new DatabaseSync(database.path);
  });
  afterEach(() => {
    file.close();
    database[Symbol.dispose]();
  });

  const create = (consumerID: string, more: Record<string, string> = {}) =>
    createPubSub({ connectionString: database.path, consumerID, redeliverInterval: '50ms', ...more });
  const publish = (pubSub: PubSub, topic: string, text: string) =>
    pubSub.publish({ topic, data: Buffer.from(text), metadata: {} }, never);
  const count = (table: string) => file.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n'];
  const collect = async (pubSub: PubSub, topic: string) => {
    const seen: string[] = [];
    const handler = async ({ data }: { data: Uint8Array }) => void seen.push(Buffer.from(data).toString());
    const subscription = await pubSub.subscribe({ topic, metadata: {} }, handler, never);
    return { seen, subscription };
  };

  it('deletes a message once every consumer id has handled it, not before', async () => {
    await using one = await create('one');
    await using two = await create('two');
    const first = await collect(one, 'orders');
    const second = await collect(two, 'orders');
    await second.subscription.pause();
    await publish(one, 'orders', 'a');
    await vi.waitFor(() => expect(first.seen).toEqual(['a']), patient);
    await publish(one, 'orders', 'b');
    await vi.waitFor(() => expect(first.seen).toEqual(['a', 'b']), patient);
    expect(count('pubsub_messages')).toBe(2);
    await second.subscription.resume();
    await vi.waitFor(() => expect(second.seen).toEqual(['a', 'b']), patient);
    await vi.waitFor(() => expect(count('pubsub_messages')).toBe(0), patient);
    expect(count('pubsub_deliveries')).toBe(0);
  });

  it.each([
    ['earliest', ['before', 'after']],
    ['latest', ['after']],
  ])('a new consumer id begins with initialPosition %s at %j', async (initialPosition, expected) => {
    await using pubSub = await create('app', { initialPosition });
    await publish(pubSub, 'orders', 'before');
    const { seen } = await collect(pubSub, 'orders');
    await publish(pubSub, 'orders', 'after');
    await vi.waitFor(() => expect(seen).toContain('after'), patient);
    expect(seen).toEqual(expected);
  });

  it('another program may have the file to itself for a while', async () => {
    await using pubSub = await create('app', { disableWAL: 'true' });
    const { seen } = await collect(pubSub, 'orders');
    file.exec('BEGIN EXCLUSIVE');
    file.exec("INSERT INTO pubsub_messages (topic, data, published_at) VALUES ('orders', 'from afar', 0)");
    // longer than the file is ever left alone
    await delay(1200);
    expect(seen).toEqual([]);
    file.exec('COMMIT');
    await vi.waitFor(() => expect(seen).toEqual(['from afar']), patient);
  });

  it('keeps no more than maxRetained messages for a topic without a consumer id', async () => {
    await using pubSub = await create('app', { maxRetained: '5' });
    for (let index = 0; index < 1200; index++) await publish(pubSub, 'nobody', String(index));
    await vi.waitFor(() => expect(count('pubsub_messages')).toBe(5), patient);
    const { seen } = await collect(pubSub, 'nobody');
    await vi.waitFor(() => expect(seen).toEqual(['1195', '1196', '1197', '1198', '1199']), patient);
  });

  it('deletes what is older than retention on a topic without a consumer id', async () => {
    await using pubSub = await create('app', { retention: '10ms' });
    await publish(pubSub, 'nobody', 'old');
    await vi.waitFor(() => expect(count('pubsub_messages')).toBe(0), patient);
  });

  it('forgets a consumer id that has not been there for groupExpiry, with what waits for it', async () => {
    await using gone = await create('gone');
    const { subscription } = await collect(gone, 'orders');
    await subscription[Symbol.asyncDispose]();
    await using pubSub = await create('app', { groupExpiry: '10ms', retention: '10ms' });
    await publish(pubSub, 'orders', 'x');
    await vi.waitFor(() => expect([count('pubsub_groups'), count('pubsub_messages')]).toEqual([0, 0]), patient);
  });

  it('a bulk publish is one transaction', async () => {
    await using pubSub = await create('app');
    const { seen } = await collect(pubSub, 'orders');
    const entries = ['a', 'b'].map((text) => ({
      entryId: text,
      data: Buffer.from(text),
      contentType: 'text/plain',
      metadata: {},
    }));
    expect(await pubSub.publishMany?.({ topic: 'orders', entries, metadata: {} }, never)).toEqual([
      { ok: true, value: undefined },
      { ok: true, value: undefined },
    ]);
    await vi.waitFor(() => expect(seen).toEqual(['a', 'b']), patient);
  });

  it('a slow handler keeps its message longer than processingTimeout', async () => {
    await using one = await create('app', { processingTimeout: '1s' });
    await using two = await create('app', { processingTimeout: '1s' });
    let handed = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const handler = () => {
      handed++;
      return promise;
    };
    await using _a = await one.subscribe({ topic: 'orders', metadata: {} }, handler, never);
    await using _b = await two.subscribe({ topic: 'orders', metadata: {} }, handler, never);
    try {
      await publish(one, 'orders', 'slow');
      await delay(2200);
      expect(handed).toBe(1);
    } finally {
      resolve();
    }
  });

  it('refuses a publish with `unavailable` when another process keeps the file locked, and works when it is free', async () => {
    await using pubSub = await create('app', { busyTimeout: '50ms' });
    file.exec('BEGIN IMMEDIATE');
    await expect(publish(pubSub, 'orders', 'x')).rejects.toMatchObject({ code: 'unavailable' });
    file.exec('COMMIT');
    await expect(publish(pubSub, 'orders', 'x')).resolves.toBeUndefined();
  });

  it('serves as the file of a state store at the same time', async () => {
    file.exec('CREATE TABLE state (key TEXT PRIMARY KEY); CREATE TABLE metadata (key TEXT PRIMARY KEY, value TEXT)');
    await using pubSub = await create('app');
    const { seen } = await collect(pubSub, 'orders');
    await publish(pubSub, 'orders', 'x');
    await vi.waitFor(() => expect(seen).toEqual(['x']), patient);
    expect([count('state'), count('metadata')]).toEqual([0, 0]);
  });
});
