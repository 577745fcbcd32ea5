import { randomBytes } from 'node:crypto';
import { ComponentError } from '@outrigger/core';
import { expect } from 'vitest';
import type { PubSubCase } from './case.ts';
import { never } from '../within.ts';
import { publishText } from './inbox.ts';
import { unique } from './names.ts';

const mebibyte = 1024 * 1024;

export const publishingCases: readonly PubSubCase[] = [
  {
    title: 'a published message reaches the subscriber with its topic and its payload',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('orders');
      const inbox = setUp.inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await publishText(pubSub, topic, 'hello');
      await inbox.hasHandled(['hello']);
      expect(inbox.handed[0]?.topic).toBe(topic);
      expect([undefined, 'text/plain']).toContain(inbox.handed[0]?.contentType);
    },
  },
  {
    title: 'publishing to a topic without a subscriber succeeds',
    async run(setUp) {
      await using pubSub = await setUp.create();
      await expect(publishText(pubSub, unique('nobody'), 'hello')).resolves.toBeUndefined();
    },
  },
  ...(
    [
      ['of 1 MiB', (largest) => randomBytes(Math.min(mebibyte, largest))],
      ['of every byte value', () => Uint8Array.from({ length: 256 }, (_, index) => index)],
      ['of text in many scripts', () => Buffer.from('Grüße, 世界, здравствуй, 🌍, \u0000\u2028')],
      ['that is a view into a larger buffer', () => new Uint8Array(randomBytes(100).buffer.slice(0, 64), 16, 32)],
      ['that is empty', () => new Uint8Array(0)],
    ] satisfies [string, (largest: number) => Uint8Array][]
  ).map(([what, make]): PubSubCase => {
    return {
      title: `a payload ${what} arrives byte for byte`,
      async run(setUp) {
        await using pubSub = await setUp.create();
        const topic = unique('bytes');
        const inbox = setUp.inbox();
        await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
        const data = make(setUp.quirks.largestPayload ?? mebibyte);
        await pubSub.publish({ topic, data, metadata: {} }, never);
        await inbox.wasHanded(1);
        expect(Buffer.compare(inbox.handed[0]?.data ?? new Uint8Array(1), data)).toBe(0);
      },
    };
  }),
  {
    title: 'metadata reaches the subscriber',
    unless: ({ quirks }) => quirks.losesMetadata && 'the broker carries no metadata',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('headers');
      const inbox = setUp.inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      const metadata = { plain: 'value', 'with-ünïcode "quotes"': '{"a":1}\n', empty: '' };
      await pubSub.publish({ topic, data: Buffer.from('x'), metadata }, never);
      await inbox.wasHanded(1);
      expect(inbox.handed[0]?.metadata).toMatchObject(metadata);
    },
  },
  {
    title: 'topics whose names differ only in case, or have dots, dashes and underscores, are kept apart',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const base = unique('north');
      const topics = [base, base.replace('north', 'North'), `Orders.EU_${base}`];
      const inboxes = topics.map(() => setUp.inbox());
      for (const [index, topic] of topics.entries()) {
        const handler = inboxes[index]?.handler ?? (() => Promise.reject(new Error('no inbox')));
        await pubSub.subscribe({ topic, metadata: {} }, handler, never); // ends with the component
      }
      for (const topic of topics) await publishText(pubSub, topic, topic);
      for (const [index, topic] of topics.entries()) await inboxes[index]?.hasHandled([topic]);
      expect(inboxes.map(({ handed }) => handed.map((message) => message.topic))).toEqual(topics.map((name) => [name]));
    },
  },
  {
    title: 'a topic named in letters beyond ASCII works, or is refused with a reason',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('bestellungen-köln-日本');
      const inbox = setUp.inbox();
      const asked = (async () => {
        const subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
        await publishText(pubSub, topic, 'hello');
        return subscription;
      })();
      try {
        await using _ = await asked;
        await inbox.hasHandled(['hello']);
        expect(inbox.handed[0]?.topic).toBe(topic);
      } catch (error) {
        if (inbox.handed.length > 0 || !ComponentError.is(error)) throw error;
        expect(error.code).toBe('invalid-argument');
      }
    },
  },
  {
    title: 'a publish or subscribe whose signal is aborted already rejects and does nothing',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('aborted');
      const [inbox, refused] = [setUp.inbox(), setUp.inbox()];
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      const aborted = AbortSignal.abort();
      await expect(pubSub.subscribe({ topic, metadata: {} }, refused.handler, aborted)).rejects.toThrow(/abort/i);
      await expect(publishText(pubSub, topic, 'no', {}, aborted)).rejects.toThrow(/abort/i);
      await publishText(pubSub, topic, 'yes');
      await inbox.hasHandled(['yes']);
      expect(inbox.handedTexts).toEqual(['yes']);
      expect(refused.handed).toEqual([]);
    },
  },
];
