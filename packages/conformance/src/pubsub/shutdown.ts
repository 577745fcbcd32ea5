import type { Message } from '@outrigger/core';
import { expect, vi } from 'vitest';
import type { PubSubCase } from './case.ts';
import { never, within } from '../within.ts';
import { allHandled, Gate, publishText } from './inbox.ts';
import { missing, texts, unique } from './names.ts';

export const shutdownCases: readonly PubSubCase[] = [
  {
    title: 'disposal waits for the handlers in flight and acknowledges what they handled',
    async run(setUp) {
      const consumerId = unique('app');
      await using pubSub = await setUp.create(consumerId);
      const topic = unique('drain');
      using gate = new Gate();
      const inbox = setUp.inbox(() => gate.pass());
      const subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await publishText(pubSub, topic, 'slow');
      await inbox.wasHanded(1);

      let disposed = false;
      const disposal = subscription[Symbol.asyncDispose]().then(() => (disposed = true));
      await setUp.create(unique('time-passes')).then((other) => other[Symbol.asyncDispose]());
      expect(disposed).toBe(false);
      gate.open();
      await disposal;
      expect(inbox.handledTexts).toEqual(['slow']);

      await using replica = await setUp.replicaOf(pubSub, consumerId);
      const next = setUp.inbox();
      await using _ = await replica.subscribe({ topic, metadata: {} }, next.handler, never);
      await publishText(replica, topic, 'marker');
      await next.hasHandled(['marker']);
      expect(next.handedTexts).toEqual(['marker']);
    },
  },
  {
    title: 'disposal of the component ends its subscriptions the same way, and again does nothing',
    async run(setUp) {
      const pubSub = await setUp.create();
      const topic = unique('drain');
      using gate = new Gate();
      const inbox = setUp.inbox(() => gate.pass());
      const subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await publishText(pubSub, topic, 'slow');
      await inbox.wasHanded(1);
      const disposal = pubSub[Symbol.asyncDispose]();
      gate.open();
      await disposal;
      expect(inbox.handledTexts).toEqual(['slow']);
      await subscription[Symbol.asyncDispose]();
      await pubSub[Symbol.asyncDispose]();
      await expect(publishText(pubSub, topic, 'late')).rejects.toBeInstanceOf(Error);
    },
  },
  {
    title: 'what was fetched but not handed over goes to the next consumer',
    async run(setUp) {
      const consumerId = unique('app');
      await using pubSub = await setUp.create(consumerId);
      const topic = unique('prefetched');
      using gate = new Gate();
      const inbox = setUp.inbox(() => gate.pass());
      const subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      const all = texts(60);
      for (const text of all) await publishText(pubSub, topic, text, setUp.ordered);
      await inbox.wasHanded(1);
      const disposal = subscription[Symbol.asyncDispose]();
      gate.open();
      await disposal;

      await using replica = await setUp.replicaOf(pubSub, consumerId);
      const next = setUp.inbox();
      await using _ = await replica.subscribe({ topic, metadata: {} }, next.handler, never);
      const rest = missing(all, inbox.handledTexts);
      await next.hasHandled(rest, setUp.redeliveredWithinMs);
      if (setUp.keepsPlace) expect(next.handedTexts).toEqual(rest);
      else expect(next.handedTexts.toSorted()).toEqual(rest.toSorted());
    },
  },
  {
    title: 'a message that fails while its subscription is disposed goes to the next consumer',
    async run(setUp) {
      const consumerId = unique('app');
      await using pubSub = await setUp.create(consumerId);
      const topic = unique('fails-late');
      using gate = new Gate();
      const inbox = setUp.inbox(async () => {
        await gate.pass();
        throw new Error('the app went away');
      });
      const subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await publishText(pubSub, topic, 'again');
      await inbox.wasHanded(1);
      const disposal = subscription[Symbol.asyncDispose]();
      gate.open();
      await disposal;
      await using replica = await setUp.replicaOf(pubSub, consumerId);
      const next = setUp.inbox();
      await using _ = await replica.subscribe({ topic, metadata: {} }, next.handler, never);
      await next.hasHandled(['again'], setUp.redeliveredWithinMs);
      expect(inbox.handed).toHaveLength(1);
    },
  },
  {
    title:
      'leaving does not wait for a message that keeps failing, and it goes to the next consumer before what is behind it',
    async run(setUp) {
      const consumerId = unique('app');
      await using pubSub = await setUp.create(consumerId);
      const topic = unique('poison');
      const inbox = setUp.inbox((text) => {
        if (text === 'poison') throw new Error('fails for ever');
      });
      const subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      const behind = texts(10);
      for (const text of ['poison', ...behind]) await publishText(pubSub, topic, text, setUp.ordered);
      await vi.waitUntil(() => inbox.attemptsOf('poison') >= 2, {
        timeout: setUp.arrivesWithinMs + 2 * setUp.redeliveredWithinMs,
      });
      await within(setUp.arrivesWithinMs, 'leaving', subscription[Symbol.asyncDispose]());

      await using replica = await setUp.replicaOf(pubSub, consumerId);
      const next = setUp.inbox();
      await using _ = await replica.subscribe({ topic, metadata: {} }, next.handler, never);
      const rest = missing(['poison', ...behind], inbox.handledTexts);
      await next.hasHandled(rest, setUp.redeliveredWithinMs);
      if (setUp.keepsPlace) expect(next.handedTexts).toEqual(['poison', ...behind]);
    },
  },
  {
    title: 'leaving burns no delivery attempt of what was not handed over',
    unless: ({ quirks }) => !quirks.deliveryCountOf && 'the broker counts no deliveries',
    async run(setUp) {
      const countOf = (message: Message | undefined) => message && setUp.quirks.deliveryCountOf?.(message);
      const consumerId = unique('app');
      await using pubSub = await setUp.create(consumerId);
      const topic = unique('attempts');
      using gate = new Gate();
      const inbox = setUp.inbox(() => gate.pass());
      const subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      const all = texts(60);
      for (const text of all) await publishText(pubSub, topic, text, setUp.ordered);
      await inbox.wasHanded(1);
      const untouched = countOf(inbox.handed[0]);
      const disposal = subscription[Symbol.asyncDispose]();
      gate.open();
      await disposal;

      await using replica = await setUp.replicaOf(pubSub, consumerId);
      const next = setUp.inbox();
      await using _ = await replica.subscribe({ topic, metadata: {} }, next.handler, never);
      await next.hasHandled(missing(all, inbox.handledTexts), setUp.redeliveredWithinMs);
      const counts = next.handed.filter((_message, index) => inbox.attemptsOf(next.handedTexts[index] ?? '') === 0);
      expect(new Set(counts.map(countOf))).toEqual(new Set([untouched]));
    },
  },
  {
    title: 'a consumer that closes under load loses nothing',
    unless: ({ isolated }) => isolated && 'instances do not share messages',
    async run(setUp) {
      const consumerId = unique('app');
      await using staying = await setUp.create(consumerId);
      const leaving = await setUp.create(consumerId);
      await using publisher = await setUp.create(unique('publisher'));
      const topic = unique('load');
      const [kept, left] = [setUp.inbox(), setUp.inbox()];
      await using _ = await staying.subscribe({ topic, metadata: {} }, kept.handler, never);
      await leaving.subscribe({ topic, metadata: {} }, left.handler, never);
      const all = texts(500);
      const published = (async () => {
        for (const text of all) await publishText(publisher, topic, text);
      })();
      // which of the two gets how many is up to the broker
      const timeout = setUp.arrivesWithinMs;
      await vi.waitUntil(() => kept.handed.length + left.handed.length >= 50, { timeout, interval: 1 });
      await leaving[Symbol.asyncDispose]();
      const handedWhenClosed = left.handed.length;
      await published;
      await allHandled(all, [kept, left], setUp.arrivesWithinMs + setUp.redeliveredWithinMs);
      expect(left.handed).toHaveLength(handedWhenClosed);
    },
  },
  {
    title: 'what a consumer held when its process was killed goes to another',
    unless: ({ quirks }) => !quirks.receiveAndDie && 'the set-up cannot kill a consumer',
    async run(setUp) {
      const consumerId = unique('app');
      await using pubSub = await setUp.create(consumerId);
      const topic = unique('crash');
      // some brokers keep a message only for the consumer ids that they know
      const known = await pubSub.subscribe({ topic, metadata: {} }, setUp.inbox().handler, never);
      await known[Symbol.asyncDispose]();
      const died = setUp.quirks.receiveAndDie?.({ topic, consumerId });
      await using publisher = await setUp.create(unique('publisher'));
      for (const text of texts(5)) await publishText(publisher, topic, text);
      await died;
      const inbox = setUp.inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await inbox.hasHandled(texts(5), setUp.redeliveredWithinMs);
      expect(inbox.handledTexts.toSorted()).toEqual(texts(5));
    },
  },
];
