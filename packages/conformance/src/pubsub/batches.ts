import { type BulkMessageHandler, type BulkOutcome, DropMessage, type PubSub } from '@outrigger/core';
import { expect } from 'vitest';
import type { PubSubCase, SetUp } from './case.ts';
import { never } from '../within.ts';
import { Gate, Inbox, publishText } from './inbox.ts';
import { firsts, texts, unique } from './names.ts';

/** What a subscription for batches was handed. */
class BatchInbox extends Inbox {
  readonly batches: string[][] = [];
  readonly handleMany: BulkMessageHandler;

  /** `work` is done for each message of a batch; what it throws is the outcome of that one. */
  constructor(patienceMs: number, work: (text: string, attempt: number) => void | Promise<void> = () => {}) {
    super(patienceMs);
    this.handleMany = (messages) => {
      const batch = messages.map((message) => this.note(message));
      this.batches.push(batch);
      const outcomes = batch.map(async (text): Promise<BulkOutcome<void>> => {
        try {
          await work(text, this.attemptsOf(text));
        } catch (error) {
          return { ok: false, error };
        }
        this.handledTexts.push(text);
        return { ok: true, value: undefined };
      });
      return Promise.all(outcomes);
    };
  }
}

interface Batches {
  readonly count?: number;
  readonly awaitMs?: number;
}

async function subscribeMany(pubSub: PubSub, topic: string, { handleMany }: BatchInbox, of: Batches) {
  const { count = 100, awaitMs = 200 } = of;
  const request = { topic, metadata: {}, maxMessagesCount: count, maxAwaitDurationMs: awaitMs };
  const subscription = await pubSub.subscribeMany?.(request, handleMany, never);
  if (!subscription) throw new Error('the component has no subscribeMany');
  return subscription;
}

function batchCase(
  title: string,
  run: (setUp: SetUp, pubSub: PubSub, topic: string) => Promise<void>,
  unless?: PubSubCase['unless'],
): PubSubCase {
  return {
    title,
    ...(unless && { unless }),
    async run(setUp, skip) {
      await using pubSub = await setUp.create();
      if (!pubSub.subscribeMany) return skip('the engine makes the batches');
      await run(setUp, pubSub, unique('batches'));
    },
  };
}

export const batchCases: readonly PubSubCase[] = [
  batchCase('batches hold what has gathered, never more than was asked for, in order', async (setUp, pubSub, topic) => {
    const inbox = new BatchInbox(setUp.arrivesWithinMs);
    await using subscription = await subscribeMany(pubSub, topic, inbox, { count: 7 });
    await subscription.pause();
    const all = texts(100);
    for (const text of all) await publishText(pubSub, topic, text, setUp.ordered);
    await subscription.resume();
    await inbox.hasHandled(all);
    const sizes = inbox.batches.map(({ length }) => length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(7);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    expect(sizes.length).toBeLessThan(all.length);
    expect(inbox.handed).toHaveLength(all.length);
    if (!setUp.unordered) expect(inbox.batches.flat()).toEqual(all);
  }),
  batchCase('a batch that does not fill comes when it has waited long enough', async (setUp, pubSub, topic) => {
    const inbox = new BatchInbox(setUp.arrivesWithinMs);
    await using _ = await subscribeMany(pubSub, topic, inbox, { count: 1000, awaitMs: 300 });
    await publishText(pubSub, topic, 'alone');
    await inbox.hasHandled(['alone']);
  }),
  batchCase('a batch carries topic, payload and metadata of each message', async (setUp, pubSub, topic) => {
    const inbox = new BatchInbox(setUp.arrivesWithinMs);
    await using _ = await subscribeMany(pubSub, topic, inbox, {});
    await publishText(pubSub, topic, 'one', { colour: 'red' });
    await inbox.hasHandled(['one']);
    expect(inbox.handed[0]?.topic).toBe(topic);
    if (!setUp.quirks.losesMetadata) expect(inbox.handed[0]?.metadata).toMatchObject({ colour: 'red' });
  }),
  batchCase('the entries of a batch that fail come again, and the others do not', async (setUp, pubSub, topic) => {
    const fails = new Set(['message-3', 'message-7', 'message-8']);
    const inbox = new BatchInbox(setUp.arrivesWithinMs, (text, attempt) => {
      if (fails.has(text) && attempt <= 2) throw new Error(`attempt ${attempt} fails`);
    });
    await using subscription = await subscribeMany(pubSub, topic, inbox, { count: 10 });
    await subscription.pause();
    const all = texts(30);
    for (const text of all) await publishText(pubSub, topic, text, setUp.ordered);
    await subscription.resume();
    await inbox.hasHandled(all, 2 * fails.size * setUp.redeliveredWithinMs);
    expect(all.map((text) => inbox.attemptsOf(text))).toEqual(all.map((text) => (fails.has(text) ? 3 : 1)));
  }),
  batchCase(
    'no later batch overtakes an entry that keeps failing',
    async (setUp, pubSub, topic) => {
      const inbox = new BatchInbox(setUp.arrivesWithinMs, (text, attempt) => {
        if (text === 'message-2' && attempt <= 3) throw new Error(`attempt ${attempt} fails`);
      });
      await using subscription = await subscribeMany(pubSub, topic, inbox, { count: 5 });
      await subscription.pause();
      const all = texts(30);
      for (const text of all) await publishText(pubSub, topic, text, setUp.ordered);
      await subscription.resume();
      await inbox.hasHandled(all, 3 * setUp.redeliveredWithinMs);
      expect(firsts(inbox.handedTexts)).toEqual(all);
      // what was in the batch with it may be done before; nothing else
      const together = inbox.batches.find((batch) => batch.includes('message-2')) ?? [];
      const later = all.slice(all.indexOf(together.at(-1) ?? '') + 1);
      const before = inbox.handedTexts.slice(0, inbox.handedTexts.lastIndexOf('message-2'));
      expect(before.filter((text) => later.includes(text))).toEqual([]);
    },
    ({ keepsPlace }) => !keepsPlace && 'a failed message waits aside',
  ),
  batchCase('a batch whose handler rejects comes again as a whole', async (setUp, pubSub, topic) => {
    const inbox = new BatchInbox(setUp.arrivesWithinMs);
    let failed = 0;
    const all = texts(5);
    const failsOnce: BulkMessageHandler = async (messages, signal) => {
      if (failed === 0) {
        failed = messages.length;
        throw new Error('the app is not there');
      }
      return inbox.handleMany(messages, signal);
    };
    const request = { topic, metadata: {}, maxMessagesCount: 5, maxAwaitDurationMs: 200 };
    const subscription = await pubSub.subscribeMany?.(request, failsOnce, never);
    await using _ = subscription ?? { [Symbol.asyncDispose]: async () => {} };
    for (const text of all) await publishText(pubSub, topic, text, setUp.ordered);
    await inbox.hasHandled(all, setUp.redeliveredWithinMs);
    expect(failed).toBeGreaterThan(0);
    expect(inbox.handed).toHaveLength(all.length);
  }),
  batchCase('a dropped entry does not come again', async (setUp, pubSub, topic) => {
    const inbox = new BatchInbox(setUp.arrivesWithinMs, (text, attempt) => {
      if (text === 'drop') throw new DropMessage('not wanted');
      if (text === 'fail' && attempt === 1) throw new Error('fails once');
    });
    await using _ = await subscribeMany(pubSub, topic, inbox, {});
    for (const text of ['drop', 'fail']) await publishText(pubSub, topic, text, setUp.ordered);
    await inbox.hasHandled(['fail'], setUp.redeliveredWithinMs);
    expect(inbox.attemptsOf('drop')).toBe(1);
  }),
  batchCase('disposal waits for the batch in flight, and the rest goes to the next', async (setUp, pubSub, topic) => {
    using gate = new Gate();
    const inbox = new BatchInbox(setUp.arrivesWithinMs, () => gate.pass());
    const subscription = await subscribeMany(pubSub, topic, inbox, { count: 5 });
    const all = texts(40);
    for (const text of all) await publishText(pubSub, topic, text, setUp.ordered);
    await inbox.wasHanded(1);
    const disposal = subscription[Symbol.asyncDispose]();
    gate.open();
    await disposal;
    expect(inbox.handledTexts).toHaveLength(inbox.handed.length);
    const next = new BatchInbox(setUp.arrivesWithinMs);
    await using _ = await subscribeMany(pubSub, topic, next, { count: 5 });
    const rest = all.filter((text) => inbox.attemptsOf(text) === 0);
    await next.hasHandled(rest, setUp.redeliveredWithinMs);
    expect(next.handedTexts.toSorted()).toEqual(rest.toSorted());
  }),
];
