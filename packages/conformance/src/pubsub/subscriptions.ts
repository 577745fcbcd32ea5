import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { PubSubCase } from './case.ts';
import { never } from '../within.ts';
import { allHandled, type Inbox, publishText } from './inbox.ts';
import { texts, unique } from './names.ts';

export const subscriptionCases: readonly PubSubCase[] = [
  {
    title: 'two topics have each their own handler',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const [topicA, topicB] = [unique('a'), unique('b')];
      const [inboxA, inboxB] = [setUp.inbox(), setUp.inbox()];
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
    },
  },
  {
    title: 'subscriptions stopped one by one get nothing more, and the others go on',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topics = texts(3, unique('topic'));
      const inboxes = topics.map(() => setUp.inbox());
      const subscriptions = await Promise.all(
        topics.map((topic, index) =>
          pubSub.subscribe({ topic, metadata: {} }, async (message) => inboxes[index]?.handler(message, never), never),
        ),
      );
      const publishToAll = async (text: string) => {
        for (const topic of topics) await publishText(pubSub, topic, text);
      };
      await publishToAll('three');
      for (const inbox of inboxes) await inbox.hasHandled(['three']);
      await subscriptions[0]?.[Symbol.asyncDispose]();
      await publishToAll('two');
      for (const inbox of inboxes.slice(1)) await inbox.hasHandled(['two']);
      await subscriptions[1]?.[Symbol.asyncDispose]();
      await publishToAll('one');
      await inboxes[2]?.hasHandled(['one']);
      const seen = inboxes.map(({ handedTexts }) => handedTexts);
      expect(seen).toEqual([['three'], ['three', 'two'], ['three', 'two', 'one']]);
    },
  },
  {
    title: 'a topic that was left can be subscribed again by the same instance, which misses nothing between',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('again');
      const [first, second] = [setUp.inbox(), setUp.inbox()];
      const subscription = await pubSub.subscribe({ topic, metadata: {} }, first.handler, never);
      await publishText(pubSub, topic, 'one');
      await first.hasHandled(['one']);
      await subscription[Symbol.asyncDispose]();
      if (!setUp.isolated) await publishText(pubSub, topic, 'between');
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, second.handler, never);
      await publishText(pubSub, topic, 'two');
      await second.hasHandled(setUp.isolated ? ['two'] : ['between', 'two']);
      expect(second.handedTexts).not.toContain('one');
    },
  },
  {
    title: 'subscribing and leaving again and again while messages flow loses none',
    unless: ({ isolated }) => isolated && 'nothing waits for a consumer that is not there',
    async run(setUp) {
      const consumerId = unique('churn');
      await using pubSub = await setUp.create(consumerId);
      await using publisher = await setUp.create(unique('publisher'));
      const topic = unique('churn');
      const inboxes: Inbox[] = [];
      const join = async () => {
        const inbox = setUp.inbox(() => delay(1));
        inboxes.push(inbox);
        return pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      };
      let subscription = await join();
      const all = texts(300);
      const published = (async () => {
        for (const text of all) {
          await publishText(publisher, topic, text);
          await delay(2);
        }
      })();
      for (let round = 0; round < 5; round++) {
        await subscription[Symbol.asyncDispose]();
        subscription = await join();
        await delay(30);
      }
      await published;
      await allHandled(all, inboxes, setUp.arrivesWithinMs + setUp.redeliveredWithinMs);
      await subscription[Symbol.asyncDispose]();
    },
  },
];
