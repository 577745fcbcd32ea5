import { setImmediate as turn } from 'node:timers/promises';
import { ComponentError, type Message, silentLogger } from '@outrigger/core';
import { describe, expect, it, vi } from 'vitest';
import { InMemoryPubSub } from './in-memory-pubsub.ts';

const never = new AbortController().signal;
const patient = { timeout: 20_000, interval: 5 };

function publish(pubSub: InMemoryPubSub, topic: string, text: string): Promise<void> {
  return pubSub.publish({ topic, data: Buffer.from(text), metadata: {} }, never);
}

describe('pubsub.in-memory', () => {
  it('resolves a publish once the message is queued, not once it is handled', async () => {
    await using pubSub = new InMemoryPubSub(1 << 20);
    const { promise, resolve } = Promise.withResolvers<void>();
    await using _ = await pubSub.subscribe({ topic: 'orders', metadata: {} }, () => promise, never);
    await publish(pubSub, 'orders', 'one');
    await expect(publish(pubSub, 'orders', 'two')).resolves.toBeUndefined();
    resolve();
  });

  it('hands one subscription one message at a time', async () => {
    await using pubSub = new InMemoryPubSub(1 << 20);
    let running = 0;
    let most = 0;
    let handled = 0;
    const handler = async () => {
      most = Math.max(most, ++running);
      await turn();
      running--;
      handled++;
    };
    await using _ = await pubSub.subscribe({ topic: 'orders', metadata: {} }, handler, never);
    for (let index = 0; index < 10; index++) await publish(pubSub, 'orders', String(index));
    await vi.waitFor(() => expect(handled).toBe(10), patient);
    expect(most).toBe(1);
  });

  it('refuses what is published beyond the limit, for every subscriber or for none, and takes it later', async () => {
    await using pubSub = new InMemoryPubSub(1000);
    const { promise, resolve } = Promise.withResolvers<void>();
    const fast: Message[] = [];
    await using _slow = await pubSub.subscribe({ topic: 'orders', metadata: {} }, () => promise, never);
    await using _fast = await pubSub.subscribe(
      { topic: 'orders', metadata: {} },
      async (message) => void fast.push(message),
      never,
    );
    await publish(pubSub, 'orders', 'x'.repeat(600));
    const refusal = await publish(pubSub, 'orders', 'y'.repeat(600)).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ComponentError);
    expect(refusal).toMatchObject({ code: 'unavailable', message: expect.stringContaining('maxQueuedBytes') });
    resolve();
    await vi.waitFor(() => publish(pubSub, 'orders', 'z'.repeat(600)), patient);
    await vi.waitFor(() => expect(fast).toHaveLength(2), patient);
  });

  it('takes one message larger than the limit when nothing waits', async () => {
    await using pubSub = new InMemoryPubSub(1000);
    const seen: Message[] = [];
    await using _ = await pubSub.subscribe(
      { topic: 'orders', metadata: {} },
      async (message) => void seen.push(message),
      never,
    );
    await publish(pubSub, 'orders', 'x'.repeat(5000));
    await vi.waitFor(() => expect(seen).toHaveLength(1), patient);
  });

  it('lets messages pass one that fails', async () => {
    await using pubSub = new InMemoryPubSub(1 << 20);
    const handled: string[] = [];
    const handler = async ({ data }: Message) => {
      const text = Buffer.from(data).toString();
      if (text === 'poison') throw new Error('never works');
      handled.push(text);
    };
    await using _ = await pubSub.subscribe({ topic: 'orders', metadata: {} }, handler, never);
    await publish(pubSub, 'orders', 'poison');
    await publish(pubSub, 'orders', 'fine');
    await vi.waitFor(() => expect(handled).toEqual(['fine']), patient);
  });

  it('"*" at the end stands for at least one character, and alone for every topic', async () => {
    await using pubSub = new InMemoryPubSub(1 << 20);
    const [orders, all]: string[][] = [[], []];
    await using _a = await pubSub.subscribe(
      { topic: 'orders*', metadata: {} },
      async ({ topic }) => void orders?.push(topic),
      never,
    );
    await using _b = await pubSub.subscribe(
      { topic: '*', metadata: {} },
      async ({ topic }) => void all?.push(topic),
      never,
    );
    for (const topic of ['orders', 'orders/eu', 'order', 'ordersX']) await publish(pubSub, topic, 'x');
    await vi.waitFor(() => expect(all).toHaveLength(4), patient);
    expect(orders).toEqual(['orders/eu', 'ordersX']);
  });

  it('keeps what two ended subscriptions left behind once for the next one', async () => {
    await using pubSub = new InMemoryPubSub(1 << 20);
    const first = await pubSub.subscribe({ topic: 'orders', metadata: {} }, async () => {}, never);
    const second = await pubSub.subscribe({ topic: 'orders', metadata: {} }, async () => {}, never);
    await first.pause();
    await second.pause();
    for (const text of ['a', 'b']) await publish(pubSub, 'orders', text);
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    const seen: string[] = [];
    await using _ = await pubSub.subscribe(
      { topic: 'orders', metadata: {} },
      async ({ data }) => void seen.push(Buffer.from(data).toString()),
      never,
    );
    await publish(pubSub, 'orders', 'c');
    await vi.waitFor(() => expect(seen).toEqual(['a', 'b', 'c']), patient);
  });

  it('keeps what nobody comes for only up to the limit, for all topics together, and says what is lost', async () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    await using pubSub = new InMemoryPubSub(1000, logger);
    for (const topic of ['a', 'b']) {
      const subscription = await pubSub.subscribe({ topic, metadata: {} }, async () => {}, never);
      await subscription.pause();
      await publish(pubSub, topic, topic.repeat(600));
      await subscription[Symbol.asyncDispose]();
    }
    expect(warnings).toEqual([expect.stringMatching(/^1 messages of topic "b" are lost.*maxQueuedBytes/)]);
    const seen: string[] = [];
    for (const topic of ['a', 'b']) {
      await pubSub.subscribe({ topic, metadata: {} }, async (message) => void seen.push(message.topic), never);
    }
    await vi.waitFor(() => expect(seen).toEqual(['a']), patient);
  });

  it('a handler that is stuck while publishers go on holds no more than the limit', async () => {
    await using pubSub = new InMemoryPubSub(100_000);
    const { promise, resolve } = Promise.withResolvers<void>();
    const seen = new Set<string>();
    const handler = async ({ data }: Message) => {
      await promise;
      seen.add(Buffer.from(data).toString().trimEnd());
    };
    await using _ = await pubSub.subscribe({ topic: 'orders', metadata: {} }, handler, never);
    const taken: string[] = [];
    for (let index = 0; index < 1000; index++) {
      const text = String(index);
      await publish(pubSub, 'orders', text.padEnd(1000)).then(
        () => taken.push(text),
        (error: unknown) => expect(error).toMatchObject({ code: 'unavailable', retryable: true }),
      );
    }
    expect(taken.length).toBeLessThan(100);
    resolve();
    await vi.waitFor(() => expect([...seen]).toEqual(taken), patient);
  });

  it('a "*" that is not at the end is a plain letter', async () => {
    await using pubSub = new InMemoryPubSub(1 << 20);
    const seen: string[] = [];
    await using _ = await pubSub.subscribe(
      { topic: 'a*b', metadata: {} },
      async ({ topic }) => void seen.push(topic),
      never,
    );
    for (const topic of ['axb', 'a*bc', 'a*b']) await publish(pubSub, topic, 'x');
    await vi.waitFor(() => expect(seen).toEqual(['a*b']), patient);
  });
});
