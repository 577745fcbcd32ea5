import { ComponentError, type PubSub } from '@outrigger/core';
import { expect } from 'vitest';
import type { PubSubCase, SetUp } from './case.ts';
import { never } from '../within.ts';
import { type Inbox, publishText } from './inbox.ts';
import { unique } from './names.ts';

/** Publishes one of a second and others of longer life to a paused subscription, and goes on when the second has passed. */
async function outliveTheShort(setUp: SetUp, pubSub: PubSub, inbox: Inbox): Promise<AsyncDisposable> {
  const topic = unique('ttl');
  const subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
  await subscription.pause();
  await publishText(pubSub, topic, 'short', { ...setUp.ordered, ttlInSeconds: '1' });
  await publishText(pubSub, topic, 'long', { ...setUp.ordered, ttlInSeconds: '600' });
  await publishText(pubSub, topic, 'unlimited', setUp.ordered);
  const expired = Date.now() + 1300;
  await expect.poll(() => Date.now(), { timeout: 5000 }).toBeGreaterThan(expired);
  await subscription.resume();
  await inbox.hasHandled(['long', 'unlimited']);
  return subscription;
}

export const featureCases: readonly PubSubCase[] = [
  {
    title: 'a message whose time to live has passed is not handed over, and one with time left or without a limit is',
    async run(setUp, skip) {
      await using pubSub = await setUp.create();
      if (!pubSub.features.includes('message-ttl')) return skip('the component leaves expiry to the engine');
      const inbox = setUp.inbox();
      await using _ = await outliveTheShort(setUp, pubSub, inbox);
      expect(inbox.handedTexts).not.toContain('short');
    },
  },
  {
    title: 'a time to live that has not passed does not keep a message from coming',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('ttl');
      const inbox = setUp.inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await publishText(pubSub, topic, 'in time', { ttlInSeconds: '60' });
      await inbox.hasHandled(['in time']);
    },
  },
  {
    title:
      'without the claim to expire messages, one whose time to live has passed still comes: expiry is the engine’s',
    async run(setUp, skip) {
      await using pubSub = await setUp.create();
      if (pubSub.features.includes('message-ttl')) return skip('the component expires messages');
      const inbox = setUp.inbox();
      await using _ = await outliveTheShort(setUp, pubSub, inbox);
      await inbox.hasHandled(['short']);
    },
  },
  {
    title: 'a wildcard subscription gets what it covers, each under its own topic',
    async run(setUp, skip) {
      await using pubSub = await setUp.create();
      if (!pubSub.features.includes('subscribe-wildcards')) return skip('the component has no wildcards');
      const base = unique('sensors');
      const inbox = setUp.inbox();
      const topic = setUp.quirks.wildcardOf?.(base) ?? `${base}.*`;
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await publishText(pubSub, base, 'not covered');
      await publishText(pubSub, `${unique('other')}.a`, 'elsewhere');
      await publishText(pubSub, `${base}.a`, 'a');
      await publishText(pubSub, `${base}.b`, 'b');
      await inbox.hasHandled(['a', 'b']);
      expect(inbox.handed.map((message) => message.topic).sort()).toEqual([`${base}.a`, `${base}.b`]);
    },
  },
  {
    title: 'without the claim to wildcards, a topic with a star is a plain name or is refused',
    async run(setUp, skip) {
      await using pubSub = await setUp.create();
      if (pubSub.features.includes('subscribe-wildcards')) return skip('the component has wildcards');
      const base = unique('sensors');
      const [inbox, witness] = [setUp.inbox(), setUp.inbox()];
      await using _w = await pubSub.subscribe({ topic: `${base}.a`, metadata: {} }, witness.handler, never);
      try {
        await using _ = await pubSub.subscribe({ topic: `${base}.*`, metadata: {} }, inbox.handler, never);
        await publishText(pubSub, `${base}.a`, 'to a');
        await publishText(pubSub, `${base}.*`, 'to the star');
        await witness.hasHandled(['to a']);
        await inbox.hasHandled(['to the star']);
      } catch (error) {
        if (!ComponentError.is(error)) throw error;
        expect(error.code).toBe('invalid-argument');
      }
      expect(inbox.handedTexts).not.toContain('to a');
    },
  },
];
