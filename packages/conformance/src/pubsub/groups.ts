import { describe, expect, it } from 'vitest';
import type { CreatePubSub, PubSubQuirks } from '../pubsub.ts';
import { allHandled, Inbox, never, publishText, texts, unique } from './inbox.ts';

export function groupCases(createPubSub: CreatePubSub, { isolated = false }: PubSubQuirks): void {
  describe('consumer groups', () => {
    it('every consumer id gets every message', async () => {
      await using one = await createPubSub({ consumerId: unique('one') });
      await using other = isolated ? undefined : await createPubSub({ consumerId: unique('two') });
      const topic = unique('all');
      const [inbox1, inbox2] = [new Inbox(), new Inbox()];
      await using _a = await one.subscribe({ topic, metadata: {} }, inbox1.handler, never);
      await using _b = await (other ?? one).subscribe({ topic, metadata: {} }, inbox2.handler, never);
      const all = texts(50);
      await Promise.all(all.map((text) => publishText(one, topic, text)));
      await inbox1.hasHandled(all);
      await inbox2.hasHandled(all);
      expect([inbox1.handed.length, inbox2.handed.length]).toEqual([50, 50]);
    });

    it('after one subscription ends the other goes on, and nothing reaches the ended one', async () => {
      await using one = await createPubSub({ consumerId: unique('one') });
      await using other = isolated ? undefined : await createPubSub({ consumerId: unique('two') });
      const topic = unique('stopped');
      const [inbox1, inbox2] = [new Inbox(), new Inbox()];
      const first = await one.subscribe({ topic, metadata: {} }, inbox1.handler, never);
      await using _b = await (other ?? one).subscribe({ topic, metadata: {} }, inbox2.handler, never);
      await publishText(one, topic, 'to both');
      await inbox1.hasHandled(['to both']);
      await first[Symbol.asyncDispose]();
      const all = texts(10);
      for (const text of all) await publishText(one, topic, text);
      await inbox2.hasHandled(all);
      expect(inbox1.handedTexts).toEqual(['to both']);
    });

    it.skipIf(isolated)('two instances with one consumer id share the messages: none lost, none twice', async () => {
      const consumerId = unique('shared');
      await using one = await createPubSub({ consumerId });
      await using two = await createPubSub({ consumerId });
      await using publisher = await createPubSub({ consumerId: unique('publisher') });
      const topic = unique('work');
      const [inbox1, inbox2] = [new Inbox(), new Inbox()];
      await using _a = await one.subscribe({ topic, metadata: {} }, inbox1.handler, never);
      await using _b = await two.subscribe({ topic, metadata: {} }, inbox2.handler, never);
      const all = texts(200);
      await Promise.all(all.map((text) => publishText(publisher, topic, text)));
      await allHandled(all, [inbox1, inbox2]);
      expect(inbox1.handed.length + inbox2.handed.length).toBe(200);
    });

    it.skipIf(isolated)('what is published while a consumer id has no instance running waits for it', async () => {
      const consumerId = unique('away');
      await using publisher = await createPubSub({ consumerId: unique('publisher') });
      const topic = unique('durable');
      const first = new Inbox();
      {
        await using pubSub = await createPubSub({ consumerId });
        await using _ = await pubSub.subscribe({ topic, metadata: {} }, first.handler, never);
        await publishText(publisher, topic, 'before');
        await first.hasHandled(['before']);
      }
      await publishText(publisher, topic, 'meanwhile');
      await using pubSub = await createPubSub({ consumerId });
      const second = new Inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, second.handler, never);
      await second.hasHandled(['meanwhile']);
      expect(second.handedTexts).toEqual(['meanwhile']);
    });
  });
}
