import { DropMessage } from '@outrigger/core';
import { describe, expect, it } from 'vitest';
import type { CreatePubSub, PubSubQuirks } from '../pubsub.ts';
import { Gate, Inbox, never, publishText, texts, unique } from './inbox.ts';

export function deliveryCases(createPubSub: CreatePubSub, quirks: PubSubQuirks): void {
  const { redeliveredWithinMs = 5000, unordered = false, losesMetadata = false } = quirks;

  describe('delivery', () => {
    it('a message whose handler rejects comes again, as it was, until the handler resolves', async () => {
      await using pubSub = await createPubSub({ consumerId: unique('app') });
      const topic = unique('failing');
      const all = texts(10);
      const failsAtFirst = new Set(all.filter((_, index) => index < 2 || (index + 1) % 5 === 0));
      const inbox = new Inbox((text, attempt) => {
        if (failsAtFirst.has(text) && attempt <= 2) throw new Error(`attempt ${attempt} fails`);
      });
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      for (const text of all) {
        await pubSub.publish({ topic, data: Buffer.from(text), metadata: { text } }, never);
      }
      await inbox.hasHandled(all, 3 * redeliveredWithinMs);

      expect(inbox.handed).toHaveLength(10 + 2 * failsAtFirst.size);
      expect(inbox.handledTexts.toSorted()).toEqual(all.toSorted());
      const changed = inbox.handed.filter(({ data, metadata }) => metadata['text'] !== Buffer.from(data).toString());
      expect(losesMetadata ? [] : changed).toEqual([]);
      const neverFailed = inbox.handledTexts.filter((text) => !failsAtFirst.has(text));
      const published = all.filter((text) => !failsAtFirst.has(text));
      expect(unordered ? neverFailed.toSorted() : neverFailed).toEqual(unordered ? published.toSorted() : published);
    });

    it.skipIf(unordered)('messages are handed over in the order they were published', async () => {
      await using pubSub = await createPubSub({ consumerId: unique('app') });
      const topic = unique('order');
      const all = texts(300);
      const inbox = new Inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      for (const text of all) await publishText(pubSub, topic, text);
      await inbox.hasHandled(all);
      expect(inbox.handedTexts).toEqual(all);
    });

    it('a dropped message does not come again', async () => {
      await using pubSub = await createPubSub({ consumerId: unique('app') });
      const topic = unique('dropped');
      const inbox = new Inbox((text, attempt) => {
        if (text === 'drop') throw new DropMessage('not wanted');
        if (text === 'fail' && attempt === 1) throw new Error('fails once');
      });
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await publishText(pubSub, topic, 'drop');
      await publishText(pubSub, topic, 'fail');
      // the failed one coming again shows that the time in which the dropped one could have come has passed
      await inbox.hasHandled(['fail'], redeliveredWithinMs + 5000);
      expect(inbox.handedTexts.filter((text) => text === 'drop')).toHaveLength(1);
    });

    it('as many are handled at a time as the subscription needs for its batches', async () => {
      await using pubSub = await createPubSub({ consumerId: unique('app') });
      const topic = unique('batch');
      const all = texts(30);
      const together = Promise.withResolvers<void>();
      const inbox = new Inbox(() => {
        if (inbox.handed.length === all.length) together.resolve();
        return together.promise;
      });
      await using _ = await pubSub.subscribe({ topic, metadata: {}, minConcurrency: all.length }, inbox.handler, never);
      for (const text of all) await publishText(pubSub, topic, text);
      await inbox.hasHandled(all);
      expect(inbox.handedTexts.toSorted()).toEqual(all.toSorted());
    });

    it('two topics have each their own handler', async () => {
      await using pubSub = await createPubSub({ consumerId: unique('app') });
      const [topicA, topicB] = [unique('a'), unique('b')];
      const [inboxA, inboxB] = [new Inbox(), new Inbox()];
      await using _a = await pubSub.subscribe({ topic: topicA, metadata: {} }, inboxA.handler, never);
      await using _b = await pubSub.subscribe({ topic: topicB, metadata: {} }, inboxB.handler, never);
      await Promise.all([
        ...texts(20, 'a').map((text) => publishText(pubSub, topicA, text)),
        ...texts(20, 'b').map((text) => publishText(pubSub, topicB, text)),
      ]);
      await inboxA.hasHandled(texts(20, 'a'));
      await inboxB.hasHandled(texts(20, 'b'));
      expect(inboxA.handed).toHaveLength(20);
      expect(inboxB.handed).toHaveLength(20);
    });

    it('a handler that never ends does not keep another topic from its messages', async () => {
      await using pubSub = await createPubSub({ consumerId: unique('app') });
      const [stuckTopic, topic] = [unique('stuck'), unique('free')];
      const stuck = new Inbox(() => gate.pass());
      const inbox = new Inbox();
      await using _a = await pubSub.subscribe({ topic: stuckTopic, metadata: {} }, stuck.handler, never);
      await using _b = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      using gate = new Gate(); // after the subscriptions, so that it opens before they are disposed
      for (const text of texts(30)) await publishText(pubSub, stuckTopic, text);
      await stuck.wasHanded(1);
      for (const text of texts(30)) await publishText(pubSub, topic, text);
      await inbox.hasHandled(texts(30));
      expect(stuck.handled).toEqual([]);
    });

    it('after pause nothing is handed over and what is in flight ends; resume goes on', async () => {
      await using pubSub = await createPubSub({ consumerId: unique('app') });
      await using witness = quirks.isolated ? undefined : await createPubSub({ consumerId: unique('witness') });
      const topic = unique('paused');
      const inbox = new Inbox(() => gate.pass());
      const seen = new Inbox();
      await using subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await using _ = await (witness ?? pubSub).subscribe({ topic, metadata: {} }, seen.handler, never);
      using gate = new Gate();

      const before = texts(30, 'before');
      for (const text of before) await publishText(pubSub, topic, text);
      await inbox.wasHanded(1);
      await subscription.pause();
      const handedAtPause = inbox.handed.length;
      gate.open();
      const during = texts(10, 'during');
      for (const text of during) await publishText(pubSub, topic, text);
      await seen.hasHandled([...before, ...during]);
      expect(inbox.handed).toHaveLength(handedAtPause);
      await expect.poll(() => inbox.handled.length).toBe(handedAtPause);

      await subscription.resume();
      await inbox.hasHandled([...before, ...during]);
      expect(inbox.handed).toHaveLength(40);
    });
  });
}
