import { DropMessage } from '@outrigger/core';
import { expect } from 'vitest';
import type { PubSubCase } from './case.ts';
import { never } from '../within.ts';
import { Gate, publishText } from './inbox.ts';
import { texts, unique } from './names.ts';

export const deliveryCases: readonly PubSubCase[] = [
  {
    title: 'a message whose handler rejects comes again, as it was, until the handler resolves',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('failing');
      const all = texts(10);
      const failsAtFirst = new Set(all.filter((_, index) => index < 2 || (index + 1) % 5 === 0));
      const inbox = setUp.inbox((text, attempt) => {
        if (failsAtFirst.has(text) && attempt <= 2) throw new Error(`attempt ${attempt} fails`);
      });
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      for (const text of all) await publishText(pubSub, topic, text, { ...setUp.ordered, text });
      // where each failure holds up the rest, they come one after the other
      await inbox.hasHandled(all, 2 * failsAtFirst.size * setUp.redeliveredWithinMs);

      expect(inbox.handed).toHaveLength(10 + 2 * failsAtFirst.size);
      expect(inbox.handledTexts.toSorted()).toEqual(all.toSorted());
      const changed = inbox.handed.filter(({ metadata }, index) => metadata['text'] !== inbox.handedTexts[index]);
      expect(setUp.quirks.losesMetadata ? [] : changed).toEqual([]);
    },
  },
  {
    title: 'a dropped message does not come again',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('dropped');
      const inbox = setUp.inbox((text, attempt) => {
        if (text === 'drop') throw new DropMessage('not wanted');
        if (text === 'fail' && attempt === 1) throw new Error('fails once');
      });
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await publishText(pubSub, topic, 'drop', setUp.ordered);
      await publishText(pubSub, topic, 'fail', setUp.ordered);
      // the failed one coming again shows that the time in which the dropped one could have come has passed
      await inbox.hasHandled(['fail'], setUp.redeliveredWithinMs);
      expect(inbox.handedTexts.filter((text) => text === 'drop')).toHaveLength(1);
    },
  },
  {
    title: 'a message that is handled does not come again, however long the handler took',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('slow');
      using gate = new Gate();
      const inbox = setUp.inbox((text) => (text === 'slow' ? gate.pass() : undefined));
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await publishText(pubSub, topic, 'slow', setUp.ordered);
      await inbox.wasHanded(1);
      const open = setTimeout(() => gate.open(), setUp.redeliveredWithinMs * 1.5);
      await inbox.hasHandled(['slow'], setUp.redeliveredWithinMs * 2);
      clearTimeout(open);
      await publishText(pubSub, topic, 'next', setUp.ordered);
      await inbox.hasHandled(['next']);
      expect(inbox.handedTexts).toEqual(['slow', 'next']);
    },
  },
  {
    title: 'as many are handled at a time as the engine needs for the batches that it collects',
    async run(setUp, skip) {
      await using pubSub = await setUp.create();
      if (pubSub.subscribeMany) return skip('the component makes the batches');
      if (pubSub.features.includes('bulk-subscribe-immediate')) return skip('nothing is collected for it');
      const topic = unique('batch');
      const all = texts(30);
      const together = Promise.withResolvers<void>();
      const inbox = setUp.inbox(() => {
        if (inbox.handed.length === all.length) together.resolve();
        return together.promise;
      });
      await using _ = await pubSub.subscribe({ topic, metadata: {}, minConcurrency: all.length }, inbox.handler, never);
      for (const text of all) await publishText(pubSub, topic, text);
      await inbox.hasHandled(all).finally(() => together.resolve());
      expect(inbox.handedTexts.toSorted()).toEqual(all.toSorted());
    },
  },
  {
    title: 'one message alone is handed over at once, also where many are wanted at a time',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('alone');
      const inbox = setUp.inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {}, minConcurrency: 100 }, inbox.handler, never);
      await publishText(pubSub, topic, 'alone');
      await inbox.hasHandled(['alone']);
    },
  },
  {
    title: 'a handler that never ends does not keep another topic from its messages, nor its subscription from its end',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const [stuckTopic, topic] = [unique('stuck'), unique('free')];
      const stuck = setUp.inbox(() => gate.pass());
      const inbox = setUp.inbox();
      await using _a = await pubSub.subscribe({ topic: stuckTopic, metadata: {} }, stuck.handler, never);
      await using free = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      using gate = new Gate(); // after the subscriptions, so that it opens before they are disposed
      for (const text of texts(30)) await publishText(pubSub, stuckTopic, text);
      await stuck.wasHanded(1);
      for (const text of texts(30)) await publishText(pubSub, topic, text);
      await inbox.hasHandled(texts(30));
      await free[Symbol.asyncDispose]();
      expect(stuck.handledTexts).toEqual([]);
    },
  },
  {
    title: 'after pause nothing is handed over and what is in flight ends; resume goes on',
    async run(setUp) {
      await using pubSub = await setUp.create();
      await using witness = setUp.isolated ? undefined : await setUp.create(unique('witness'));
      const topic = unique('paused');
      const inbox = setUp.inbox(() => gate.pass());
      const seen = setUp.inbox();
      await using subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await using _ = await (witness ?? pubSub).subscribe({ topic, metadata: {} }, seen.handler, never);
      using gate = new Gate();

      const before = texts(30, 'before');
      for (const text of before) await publishText(pubSub, topic, text, setUp.ordered);
      await inbox.wasHanded(1);
      await subscription.pause();
      const handedAtPause = inbox.handed.length;
      gate.open();
      const during = texts(10, 'during');
      for (const text of during) await publishText(pubSub, topic, text, setUp.ordered);
      await seen.hasHandled([...before, ...during]);
      expect(inbox.handed).toHaveLength(handedAtPause);
      await expect.poll(() => inbox.handledTexts.length).toBe(handedAtPause);

      await subscription.resume();
      await inbox.hasHandled([...before, ...during]);
      expect(inbox.handed).toHaveLength(40);
    },
  },
];
