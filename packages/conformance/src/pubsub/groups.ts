import { expect } from 'vitest';
import type { PubSubCase } from './case.ts';
import { never } from '../within.ts';
import { allHandled, publishText } from './inbox.ts';
import { texts, unique } from './names.ts';

const unlessShared: PubSubCase['unless'] = ({ isolated }) => isolated && 'instances do not share messages';

export const groupCases: readonly PubSubCase[] = [
  {
    title: 'every consumer id gets every message',
    async run(setUp) {
      await using one = await setUp.create(unique('one'));
      await using other = setUp.isolated ? undefined : await setUp.create(unique('two'));
      const topic = unique('all');
      const [inbox1, inbox2] = [setUp.inbox(), setUp.inbox()];
      await using _a = await one.subscribe({ topic, metadata: {} }, inbox1.handler, never);
      await using _b = await (other ?? one).subscribe({ topic, metadata: {} }, inbox2.handler, never);
      const all = texts(50);
      await Promise.all(all.map((text) => publishText(one, topic, text)));
      await inbox1.hasHandled(all);
      await inbox2.hasHandled(all);
      expect([inbox1.handed.length, inbox2.handed.length]).toEqual([50, 50]);
    },
  },
  {
    title: 'after one subscription ends the other goes on, and nothing reaches the ended one',
    async run(setUp) {
      await using one = await setUp.create(unique('one'));
      await using other = setUp.isolated ? undefined : await setUp.create(unique('two'));
      const topic = unique('stopped');
      const [inbox1, inbox2] = [setUp.inbox(), setUp.inbox()];
      const first = await one.subscribe({ topic, metadata: {} }, inbox1.handler, never);
      await using _b = await (other ?? one).subscribe({ topic, metadata: {} }, inbox2.handler, never);
      await publishText(one, topic, 'to both');
      await inbox1.hasHandled(['to both']);
      await first[Symbol.asyncDispose]();
      const all = texts(10);
      for (const text of all) await publishText(one, topic, text);
      await inbox2.hasHandled(all);
      expect(inbox1.handedTexts).toEqual(['to both']);
    },
  },
  {
    title: 'two instances with one consumer id share the messages: none lost, none twice',
    unless: unlessShared,
    async run(setUp) {
      const consumerId = unique('shared');
      await using one = await setUp.create(consumerId);
      await using two = await setUp.create(consumerId);
      await using publisher = await setUp.create(unique('publisher'));
      const topic = unique('work');
      const [inbox1, inbox2] = [setUp.inbox(), setUp.inbox()];
      await using _a = await one.subscribe({ topic, metadata: {} }, inbox1.handler, never);
      await using _b = await two.subscribe({ topic, metadata: {} }, inbox2.handler, never);
      const all = texts(200);
      await Promise.all(all.map((text) => publishText(publisher, topic, text)));
      await allHandled(all, [inbox1, inbox2], setUp.arrivesWithinMs);
      if (!setUp.quirks.twice) expect(inbox1.handed.length + inbox2.handed.length).toBe(200);
    },
  },
  {
    title: 'what is published while a consumer id has no instance running waits for it',
    unless: unlessShared,
    async run(setUp) {
      const consumerId = unique('away');
      await using publisher = await setUp.create(unique('publisher'));
      const topic = unique('durable');
      const first = setUp.inbox();
      {
        await using pubSub = await setUp.create(consumerId);
        await using _ = await pubSub.subscribe({ topic, metadata: {} }, first.handler, never);
        await publishText(publisher, topic, 'before');
        await first.hasHandled(['before']);
      }
      await publishText(publisher, topic, 'meanwhile');
      await using pubSub = await setUp.create(consumerId);
      const second = setUp.inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, second.handler, never);
      await second.hasHandled(['meanwhile']);
      expect(second.handedTexts).toEqual(['meanwhile']);
    },
  },
];
