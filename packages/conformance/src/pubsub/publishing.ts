import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { CreatePubSub, PubSubQuirks } from '../pubsub.ts';
import { Inbox, never, publishText, texts, unique } from './inbox.ts';

export function publishingCases(createPubSub: CreatePubSub, { losesMetadata = false, wildcardOf }: PubSubQuirks): void {
  describe('publishing', () => {
    it('a published message reaches the subscriber with its topic and its payload', async () => {
      await using pubSub = await createPubSub({ consumerId: unique('app') });
      const topic = unique('orders');
      const inbox = new Inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await publishText(pubSub, topic, 'hello');
      await inbox.hasHandled(['hello']);
      expect(inbox.handed[0]?.topic).toBe(topic);
      expect([undefined, 'text/plain']).toContain(inbox.handed[0]?.contentType);
    });

    it('publishing to a topic without a subscriber succeeds', async () => {
      await using pubSub = await createPubSub({ consumerId: unique('app') });
      await expect(publishText(pubSub, unique('nobody'), 'hello')).resolves.toBeUndefined();
    });

    it.each([
      ['of 1 MiB', randomBytes(1024 * 1024)],
      ['of every byte value', Uint8Array.from({ length: 256 }, (_, index) => index)],
      ['that is a view into a larger buffer', new Uint8Array(randomBytes(100).buffer.slice(0, 64), 16, 32)],
      ['that is empty', new Uint8Array(0)],
    ])('a payload %s arrives byte for byte', async (_title, data) => {
      await using pubSub = await createPubSub({ consumerId: unique('app') });
      const topic = unique('bytes');
      const inbox = new Inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await pubSub.publish({ topic, data, metadata: {} }, never);
      await inbox.wasHanded(1);
      expect(Buffer.compare(inbox.handed[0]?.data ?? new Uint8Array(1), data)).toBe(0);
    });

    it.skipIf(losesMetadata)('metadata reaches the subscriber', async () => {
      await using pubSub = await createPubSub({ consumerId: unique('app') });
      const topic = unique('headers');
      const inbox = new Inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      const metadata = { plain: 'value', 'with-ünïcode "quotes"': '{"a":1}\n', empty: '' };
      await pubSub.publish({ topic, data: Buffer.from('x'), metadata }, never);
      await inbox.wasHanded(1);
      expect(inbox.handed[0]?.metadata).toMatchObject(metadata);
    });

    it('a publish or subscribe whose signal is aborted already rejects and does nothing', async () => {
      await using pubSub = await createPubSub({ consumerId: unique('app') });
      const topic = unique('aborted');
      const inbox = new Inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      const refused = new Inbox();
      await expect(pubSub.subscribe({ topic, metadata: {} }, refused.handler, AbortSignal.abort())).rejects.toThrow(
        /abort/i,
      );
      await expect(
        pubSub.publish({ topic, data: Buffer.from('no'), metadata: {} }, AbortSignal.abort()),
      ).rejects.toThrow(/abort/i);
      await publishText(pubSub, topic, 'yes');
      await inbox.hasHandled(['yes']);
      expect(inbox.handedTexts).toEqual(['yes']);
      expect(refused.handed).toEqual([]);
    });

    it('a bulk publish, where there is one, answers each entry in order and delivers all', async ({ skip }) => {
      await using pubSub = await createPubSub({ consumerId: unique('app') });
      if (!pubSub.publishMany) return skip('the component publishes one by one');
      const topic = unique('bulk');
      const inbox = new Inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      const expected = texts(10);
      const entries = expected.map((text, index) => ({
        entryId: String(index),
        data: Buffer.from(text),
        contentType: 'text/plain',
        metadata: { index: String(index) },
      }));
      const outcomes = await pubSub.publishMany({ topic, entries, metadata: {} }, never);
      expect(outcomes).toHaveLength(10);
      expect(outcomes.filter((outcome) => !outcome.ok)).toEqual([]);
      await inbox.hasHandled(expected);
    });

    it('a message whose time to live has passed is not handed over, where the component claims that', async ({
      skip,
    }) => {
      await using pubSub = await createPubSub({ consumerId: unique('app') });
      if (!pubSub.features.includes('message-ttl')) return skip('the component leaves expiry to the engine');
      const topic = unique('ttl');
      const inbox = new Inbox();
      await using subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await subscription.pause();
      const published = Date.now();
      await pubSub.publish({ topic, data: Buffer.from('short'), metadata: { ttlInSeconds: '1' } }, never);
      await pubSub.publish({ topic, data: Buffer.from('long'), metadata: { ttlInSeconds: '600' } }, never);
      await expect.poll(() => Date.now() - published, { timeout: 5000 }).toBeGreaterThan(1300);
      await subscription.resume();
      await publishText(pubSub, topic, 'unlimited');
      await inbox.hasHandled(['long', 'unlimited']);
      expect(inbox.handedTexts).not.toContain('short');
    });

    it('a wildcard subscription gets what it covers, each under its own topic, where the component claims that', async ({
      skip,
    }) => {
      await using pubSub = await createPubSub({ consumerId: unique('app') });
      if (!pubSub.features.includes('subscribe-wildcards')) return skip('the component has no wildcards');
      const base = unique('sensors');
      const inbox = new Inbox();
      const topic = wildcardOf?.(base) ?? `${base}.*`;
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await publishText(pubSub, base, 'not covered');
      await publishText(pubSub, `${unique('other')}.a`, 'elsewhere');
      await publishText(pubSub, `${base}.a`, 'a');
      await publishText(pubSub, `${base}.b`, 'b');
      await inbox.hasHandled(['a', 'b']);
      expect(inbox.handed.map((message) => message.topic).sort()).toEqual([`${base}.a`, `${base}.b`]);
    });
  });
}
