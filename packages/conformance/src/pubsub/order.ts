import { expect } from 'vitest';
import type { PubSubCase } from './case.ts';
import { never } from '../within.ts';
import { publishText } from './inbox.ts';
import { firsts, texts, unique } from './names.ts';

const unlessOrdered: PubSubCase['unless'] = ({ unordered }) => unordered && 'the broker promises no order';

export const orderCases: readonly PubSubCase[] = [
  {
    title: 'messages are handed over in the order they were published',
    unless: unlessOrdered,
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('order');
      const all = texts(300);
      const inbox = setUp.inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      for (const text of all) await publishText(pubSub, topic, text, setUp.ordered);
      await inbox.hasHandled(all);
      expect(inbox.handedTexts).toEqual(all);
    },
  },
  {
    title: 'messages of several keys are each in the order of their key',
    unless: ({ quirks }) => !quirks.orderedBy && 'order does not go by key',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('keys');
      const keys = ['red', 'green', 'blue', 'white'];
      const all = texts(40).flatMap((text) => keys.map((key) => [key, text] as const));
      const inbox = setUp.inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      for (const [key, text] of all) await publishText(pubSub, topic, `${key} ${text}`, setUp.quirks.orderedBy?.(key));
      await inbox.hasHandled(all.map((pair) => pair.join(' ')));
      for (const key of keys) {
        const ofKey = inbox.handedTexts.filter((text) => text.startsWith(`${key} `));
        expect(ofKey).toEqual(texts(40).map((text) => `${key} ${text}`));
      }
    },
  },
  {
    title: 'messages that never fail are handed over in their order among others that do',
    unless: unlessOrdered,
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('some-fail');
      const all = texts(40);
      const fails = new Set(all.filter((_, index) => index % 10 === 3));
      const inbox = setUp.inbox((text, attempt) => {
        if (fails.has(text) && attempt === 1) throw new Error('fails once');
      });
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      for (const text of all) await publishText(pubSub, topic, text, setUp.ordered);
      await inbox.hasHandled(all, fails.size * setUp.redeliveredWithinMs);
      const steady = (text: string) => !fails.has(text);
      expect(inbox.handedTexts.filter(steady)).toEqual(all.filter(steady));
      expect(firsts(inbox.handedTexts)).toEqual(all);
    },
  },
  {
    title: 'nothing overtakes a message that keeps failing',
    unless: ({ keepsPlace }) => !keepsPlace && 'a failed message waits aside',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('in-place');
      const all = texts(20);
      const inbox = setUp.inbox((text, attempt) => {
        if (text === 'message-4' && attempt <= 3) throw new Error(`attempt ${attempt} fails`);
      });
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      for (const text of all) await publishText(pubSub, topic, text, setUp.ordered);
      await inbox.hasHandled(all, 3 * setUp.redeliveredWithinMs);
      expect(inbox.handedTexts).toEqual([...all.slice(0, 3), ...Array<string>(4).fill('message-4'), ...all.slice(4)]);
    },
  },
  {
    title: 'messages behind one that keeps failing go on, and it keeps coming',
    unless: ({ keepsPlace }) => keepsPlace && 'a failed message holds up those behind it',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('aside');
      const all = texts(50);
      const inbox = setUp.inbox((text) => {
        if (text === 'poison' && inbox.handledTexts.length < all.length) throw new Error('not yet');
      });
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await publishText(pubSub, topic, 'poison');
      for (const text of all) await publishText(pubSub, topic, text);
      await inbox.hasHandled([...all, 'poison'], setUp.redeliveredWithinMs);
    },
  },
];
