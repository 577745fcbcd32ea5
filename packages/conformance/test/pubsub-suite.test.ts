import { pubSubConformance, type PubSubQuirks } from '@outrigger/conformance/pubsub';
import { afterAll, describe, expect, it } from 'vitest';
import { SetUp } from '../src/pubsub/case.ts';
import { themes } from '../src/pubsub/themes.ts';
import { type Fault, MemoryBroker } from './memory-broker.ts';
import { MemoryPubSub } from './memory-pubsub.ts';

function quirksOf(broker: MemoryBroker): PubSubQuirks {
  return {
    redeliveredWithinMs: 200,
    deliveryCountOf: ({ metadata }) => Number(metadata['delivery-count']),
    refusedEntry: () => ({ metadata: { refuse: 'true' } }),
    broker: { kill: () => broker.kill(), start: () => broker.start() },
  };
}

describe('with a component that keeps its word', () => {
  const broker = new MemoryBroker();
  afterAll(() => broker[Symbol.dispose]());
  pubSubConformance(async ({ consumerId }) => new MemoryPubSub(broker, consumerId), quirksOf(broker));
});

describe('a component is found out that', () => {
  it.each<[Fault, string, RegExp]>([
    [
      'acknowledges before it hands over',
      'a message whose handler rejects comes again, as it was, until the handler resolves',
      /not handled, such as "message-1"/,
    ],
    [
      'waits for no handler when it leaves',
      'disposal waits for the handlers in flight and acknowledges what they handled',
      /expected true to be false/,
    ],
    [
      'loses what it has fetched when it leaves',
      'what was fetched but not handed over goes to the next consumer',
      /10 of 59 not handled/,
    ],
    ['puts a failed message behind the others', 'nothing overtakes a message that keeps failing', /to deeply equal/],
    [
      'confirms what the broker does not have',
      'when the broker is killed under load, every confirmed message arrives, in order where there is one',
      /not handled, such as "message-/,
    ],
    [
      'subscribes no more after an outage',
      'when the broker is killed under load, every confirmed message arrives, in order where there is one',
      /not handled, such as "message-/,
    ],
    [
      'fetches without a limit',
      'while a handler is stuck the component stops fetching: a backlog in the broker does not fill the process',
      /to be less than 64/,
    ],
    [
      'repeats the whole batch',
      'the entries of a batch that fail come again, and the others do not',
      /to deeply equal/,
    ],
    [
      'counts a delivery for what it hands back',
      'leaving burns no delivery attempt of what was not handed over',
      /to deeply equal/,
    ],
    [
      'goes on while paused',
      'after pause nothing is handed over and what is in flight ends; resume goes on',
      /to have a length of 1/,
    ],
  ])('%s, by: %s', { timeout: 60_000 }, async (fault, title, verdict) => {
    using broker = new MemoryBroker(fault);
    const create = async ({ consumerId }: { consumerId: string }) => new MemoryPubSub(broker, consumerId);
    const setUp = new SetUp(create, { ...quirksOf(broker), arrivesWithinMs: 1000, recoversWithinMs: 1000 });
    const found = [...themes.values()].flat().find((one) => one.title === title);
    const skipped = (reason: string) => {
      throw new Error(`skipped: ${reason}`);
    };
    await expect(found?.run(setUp, skipped)).rejects.toThrow(verdict);
  });
});

it('no two cases have the same title', () => {
  const titles = [...themes.values()].flat().map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
});
