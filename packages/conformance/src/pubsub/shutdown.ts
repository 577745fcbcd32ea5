import type { PubSub } from '@outrigger/core';
import { describe, expect, it, vi } from 'vitest';
import type { CreatePubSub, PubSubQuirks } from '../pubsub.ts';
import { allHandled, Gate, Inbox, missing, never, publishText, texts, unique } from './inbox.ts';

export function shutdownCases(createPubSub: CreatePubSub, quirks: PubSubQuirks): void {
  const { isolated = false, redeliveredWithinMs = 5000, receiveAndDie } = quirks;

  /** Another replica of the same app, or the same instance where instances do not share messages. */
  async function replicaOf(pubSub: PubSub, consumerId: string): Promise<PubSub> {
    return isolated ? pubSub : createPubSub({ consumerId });
  }

  describe('shutdown', () => {
    it('disposal waits for the handlers in flight and acknowledges what they handled', async () => {
      const consumerId = unique('app');
      await using pubSub = await createPubSub({ consumerId });
      const topic = unique('drain');
      using gate = new Gate();
      const inbox = new Inbox(() => gate.pass());
      const subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await publishText(pubSub, topic, 'slow');
      await inbox.wasHanded(1);

      let disposed = false;
      const disposal = subscription[Symbol.asyncDispose]().then(() => (disposed = true));
      await createPubSub({ consumerId: unique('time-passes') }).then((other) => other[Symbol.asyncDispose]());
      expect(disposed).toBe(false);
      gate.open();
      await disposal;
      expect(inbox.handledTexts).toEqual(['slow']);

      await using replica = await replicaOf(pubSub, consumerId);
      const next = new Inbox();
      await using _ = await replica.subscribe({ topic, metadata: {} }, next.handler, never);
      await publishText(replica, topic, 'marker');
      await next.hasHandled(['marker']);
      expect(next.handedTexts).toEqual(['marker']);
    });

    it('disposal of the component ends its subscriptions the same way, and again does nothing', async () => {
      const pubSub = await createPubSub({ consumerId: unique('app') });
      const topic = unique('drain');
      using gate = new Gate();
      const inbox = new Inbox(() => gate.pass());
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
    });

    it('what was fetched but not handed over goes to the next consumer', async () => {
      const consumerId = unique('app');
      await using pubSub = await createPubSub({ consumerId });
      const topic = unique('prefetched');
      using gate = new Gate();
      const inbox = new Inbox(() => gate.pass());
      const subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      const all = texts(60);
      for (const text of all) await publishText(pubSub, topic, text);
      await inbox.wasHanded(1);
      const disposal = subscription[Symbol.asyncDispose]();
      gate.open();
      await disposal;

      await using replica = await replicaOf(pubSub, consumerId);
      const next = new Inbox();
      await using _ = await replica.subscribe({ topic, metadata: {} }, next.handler, never);
      const rest = missing(all, inbox.handledTexts);
      await next.hasHandled(rest, redeliveredWithinMs + 5000);
      expect(next.handedTexts.toSorted()).toEqual(rest.toSorted());
    });

    it('a message that fails while its subscription is disposed goes to the next consumer', async () => {
      const consumerId = unique('app');
      await using pubSub = await createPubSub({ consumerId });
      const topic = unique('fails-late');
      using gate = new Gate();
      const inbox = new Inbox(async () => {
        await gate.pass();
        throw new Error('the app went away');
      });
      const subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await publishText(pubSub, topic, 'again');
      await inbox.wasHanded(1);
      const disposal = subscription[Symbol.asyncDispose]();
      gate.open();
      await disposal;
      await using replica = await replicaOf(pubSub, consumerId);
      const next = new Inbox();
      await using _ = await replica.subscribe({ topic, metadata: {} }, next.handler, never);
      await next.hasHandled(['again'], redeliveredWithinMs + 5000);
      expect(inbox.handed).toHaveLength(1);
    });

    it.skipIf(isolated)('a consumer that closes under load loses nothing', async () => {
      const consumerId = unique('app');
      await using staying = await createPubSub({ consumerId });
      const leaving = await createPubSub({ consumerId });
      await using publisher = await createPubSub({ consumerId: unique('publisher') });
      const topic = unique('load');
      const [kept, left] = [new Inbox(), new Inbox()];
      await using _ = await staying.subscribe({ topic, metadata: {} }, kept.handler, never);
      await leaving.subscribe({ topic, metadata: {} }, left.handler, never);
      const all = texts(500);
      const published = (async () => {
        for (const text of all) await publishText(publisher, topic, text);
      })();
      // which of the two gets how many is up to the broker
      await vi.waitUntil(() => kept.handed.length + left.handed.length >= 50, { timeout: 15_000, interval: 1 });
      await leaving[Symbol.asyncDispose]();
      const handedWhenClosed = left.handed.length;
      await published;
      await allHandled(all, [kept, left], redeliveredWithinMs + 10_000);
      expect(left.handed).toHaveLength(handedWhenClosed);
    });

    it.skipIf(!receiveAndDie)('what a consumer held when its process was killed goes to another', async () => {
      const consumerId = unique('app');
      await using pubSub = await createPubSub({ consumerId });
      const topic = unique('crash');
      const died = receiveAndDie?.({ topic, consumerId });
      await using publisher = await createPubSub({ consumerId: unique('publisher') });
      for (const text of texts(5)) await publishText(publisher, topic, text);
      await died;
      const inbox = new Inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await inbox.hasHandled(texts(5), redeliveredWithinMs + 5000);
      expect(inbox.handledTexts.toSorted()).toEqual(texts(5));
    });
  });
}
