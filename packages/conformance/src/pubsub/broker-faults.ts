import { setTimeout as delay } from 'node:timers/promises';
import { ComponentError } from '@outrigger/core';
import { expect } from 'vitest';
import type { PubSubCase, SetUp } from './case.ts';
import { withServer } from '../faults.ts';
import { never, within } from '../within.ts';
import { Gate, publishText } from './inbox.ts';
import type { KillableBroker } from './quirks.ts';
import { byNumber, firsts, texts, unique } from './names.ts';
import { SteadyPublisher } from './steady-publisher.ts';

const downForMs = 1000;
const noBroker = 'the set-up has no broker that may be killed';

type Killable = Pick<KillableBroker, 'kill' | 'start'>;

/** A case whose instances talk to the broker that may be killed; it runs again when the case ends. */
function brokerCase(title: string, run: (setUp: SetUp, broker: Killable) => Promise<void>): PubSubCase {
  return {
    title,
    unless: ({ quirks }) => !quirks.broker && noBroker,
    async run(setUp, skip) {
      const { broker } = setUp.quirks;
      if (!broker) return skip(noBroker);
      await withServer(broker, (killable) => run(setUp.with(broker.create), killable));
    },
  };
}

export const brokerFaultCases: readonly PubSubCase[] = [
  brokerCase(
    'when the broker is killed under load, every confirmed message arrives, in order where there is one',
    async (setUp, broker) => {
      await using consumer = await setUp.create();
      await using publisher = await setUp.create(unique('publisher'));
      const topic = unique('killed');
      const inbox = setUp.inbox();
      await using _ = await consumer.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await using steady = new SteadyPublisher(publisher, topic, setUp.ordered);
      for (let round = 0; round < 2; round++) {
        await steady.confirms(100, setUp.arrivesWithinMs);
        await broker.kill();
        await delay(downForMs);
        await broker.start();
        await steady.confirms(100, setUp.recoversWithinMs);
      }
      await steady.stop();
      await inbox.hasHandled(steady.confirmed, setUp.recoversWithinMs + setUp.redeliveredWithinMs);
      expect(steady.misleading).toEqual([]);
      const order = firsts(inbox.handedTexts);
      if (!setUp.unordered) expect(order).toEqual(order.toSorted(byNumber));
    },
  ),
  brokerCase(
    'a handler that is busy while the broker dies and comes back is not for nothing',
    async (setUp, broker) => {
      await using pubSub = await setUp.create();
      const topic = unique('busy');
      using gate = new Gate();
      const inbox = setUp.inbox(() => gate.pass());
      const subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      const all = texts(10);
      for (const text of all) await publishText(pubSub, topic, text, setUp.ordered);
      await inbox.wasHanded(1);
      await broker.kill();
      await broker.start();
      gate.open();
      await inbox.hasHandled(all, setUp.recoversWithinMs + setUp.redeliveredWithinMs);
      await subscription[Symbol.asyncDispose]();
    },
  ),
  brokerCase('a paused subscription is still paused when the broker is back', async (setUp, broker) => {
    await using pubSub = await setUp.create();
    const topic = unique('paused');
    const [inbox, witness] = [setUp.inbox(), setUp.inbox()];
    await using subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
    await using other = await setUp.create(unique('witness'));
    await using _ = await other.subscribe({ topic, metadata: {} }, witness.handler, never);
    await subscription.pause();
    await broker.kill();
    await delay(downForMs);
    await broker.start();
    await using publisher = await setUp.create(unique('publisher'));
    await publishText(publisher, topic, 'after', setUp.ordered);
    await witness.hasHandled(['after'], setUp.recoversWithinMs);
    expect(inbox.handed).toEqual([]);
    await subscription.resume();
    await inbox.hasHandled(['after'], setUp.recoversWithinMs);
  }),
  brokerCase(
    'while the broker is down a publish fails with a reason that says so, or when its caller gives up',
    async (setUp, broker) => {
      await using pubSub = await setUp.create();
      const topic = unique('down');
      await publishText(pubSub, topic, 'before');
      await broker.kill();
      const signal = AbortSignal.timeout(2000);
      const refusal = await within(
        setUp.arrivesWithinMs,
        'a publish without a broker',
        publishText(pubSub, topic, 'lost', {}, signal).then(
          () => 'confirmed',
          (error: unknown) => error,
        ),
      );
      expect(refusal).not.toBe('confirmed');
      if (ComponentError.is(refusal)) expect(refusal.retryable).toBe(true);
      else expect(signal.aborted).toBe(true);
      await broker.start();
      await expect
        .poll(() => publishText(pubSub, topic, 'found').then(() => 'confirmed', String), {
          timeout: setUp.recoversWithinMs,
        })
        .toBe('confirmed');
    },
  ),
  brokerCase(
    'leaving while the broker is down ends in time, and what was held goes to the next consumer',
    async (setUp, broker) => {
      const consumerId = unique('app');
      const pubSub = await setUp.create(consumerId);
      const topic = unique('leaves');
      const inbox = setUp.inbox(() => {
        throw new Error('fails for ever');
      });
      await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      const all = texts(5);
      for (const text of all) await publishText(pubSub, topic, text, setUp.ordered);
      await inbox.wasHanded(1);
      await broker.kill();
      await within(setUp.recoversWithinMs, 'leaving without a broker', pubSub[Symbol.asyncDispose]());
      await broker.start();
      await using replica = await setUp.create(consumerId);
      const next = setUp.inbox();
      await using _ = await replica.subscribe({ topic, metadata: {} }, next.handler, never);
      await next.hasHandled(all, setUp.recoversWithinMs + setUp.redeliveredWithinMs);
    },
  ),
];
