import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { openRoute } from '../faults.ts';
import type { CutOptions, MendOptions, Network } from '../network.ts';
import type { PubSubCase, SetUp } from './case.ts';
import { never, promptMs, within } from '../within.ts';
import { publishText } from './inbox.ts';
import { byNumber, firsts, texts, unique } from './names.ts';
import { SteadyPublisher } from './steady-publisher.ts';

const noNetwork = 'the set-up does not say how to reach the broker through a proxy';

interface Route {
  readonly network: Network;
  readonly cutForMs: number;
}

/** A case whose instances reach the broker through a network of its own. */
function networkCase(title: string, run: (setUp: SetUp, route: Route) => Promise<void>): PubSubCase {
  return {
    title,
    unless: ({ quirks }) => !quirks.network && noNetwork,
    async run(setUp, skip) {
      const { network: route } = setUp.quirks;
      if (!route) return skip(noNetwork);
      const { cutForMs = 5000 } = route;
      await using network = await openRoute(route);
      const through = setUp.with(({ consumerId }) => route.create({ consumerId, address: network.address }));
      await run(through, { network, cutForMs });
    },
  };
}

async function loseNothing(setUp: SetUp, { network, cutForMs }: Route, cut: CutOptions, mend: MendOptions) {
  await using consumer = await setUp.create();
  await using publisher = await setUp.create(unique('publisher'));
  const topic = unique('cut');
  const inbox = setUp.inbox();
  await using _ = await consumer.subscribe({ topic, metadata: {} }, inbox.handler, never);
  await using steady = new SteadyPublisher(publisher, topic, setUp.ordered);
  await steady.confirms(100, setUp.arrivesWithinMs);
  await network.cut(cut);
  await delay(cutForMs);
  await network.mend(mend);
  await steady.confirms(100, setUp.recoversWithinMs);
  await steady.stop();
  await inbox.hasHandled(steady.confirmed, setUp.recoversWithinMs + setUp.redeliveredWithinMs);
  expect(steady.misleading).toEqual([]);
  const order = firsts(inbox.handedTexts);
  if (!setUp.unordered) expect(order).toEqual(order.toSorted(byNumber));
}

export const networkFaultCases: readonly PubSubCase[] = [
  networkCase(
    'when the network is cut under load and mended, every confirmed message arrives, in order',
    (setUp, route) => loseNothing(setUp, route, {}, {}),
  ),
  networkCase(
    'when the network is cut under load and forgets its connections, every confirmed message arrives',
    (setUp, route) => loseNothing(setUp, route, { newConnections: 'refuse' }, { reset: true }),
  ),
  networkCase(
    'when every connection is reset under load, again and again, every confirmed message arrives',
    async (setUp, route) => {
      await using consumer = await setUp.create();
      await using publisher = await setUp.create(unique('publisher'));
      const topic = unique('reset');
      const inbox = setUp.inbox();
      await using _ = await consumer.subscribe({ topic, metadata: {} }, inbox.handler, never);
      await using steady = new SteadyPublisher(publisher, topic, setUp.ordered);
      for (let round = 0; round < 4; round++) {
        await steady.confirms(50, setUp.recoversWithinMs);
        route.network.reset();
      }
      await steady.confirms(50, setUp.recoversWithinMs);
      await steady.stop();
      await inbox.hasHandled(steady.confirmed, setUp.recoversWithinMs + setUp.redeliveredWithinMs);
      expect(steady.misleading).toEqual([]);
    },
  ),
  networkCase(
    'a publish into a cut network ends when its caller gives up, and the next one works',
    async (setUp, route) => {
      await using pubSub = await setUp.create();
      const topic = unique('gives-up');
      await publishText(pubSub, topic, 'before');
      await route.network.cut();
      const lost = publishText(pubSub, topic, 'lost', {}, AbortSignal.timeout(1000)).then(
        () => 'confirmed',
        () => 'refused',
      );
      expect(await within(promptMs, 'a publish whose signal was aborted', lost)).toBe('refused');
      await route.network.mend({ reset: true });
      const again = () => publishText(pubSub, topic, 'found').then(() => 'confirmed', String);
      await expect.poll(again, { timeout: setUp.recoversWithinMs }).toBe('confirmed');
    },
  ),
  networkCase(
    'leaving through a cut network ends in time, and what was held goes to the next consumer',
    async (setUp, route) => {
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
      await route.network.cut();
      await within(setUp.recoversWithinMs, 'leaving through a cut network', pubSub[Symbol.asyncDispose]());
      await route.network.mend({ reset: true });
      await using replica = await setUp.create(consumerId);
      const next = setUp.inbox();
      await using _ = await replica.subscribe({ topic, metadata: {} }, next.handler, never);
      await next.hasHandled(all, setUp.recoversWithinMs + setUp.redeliveredWithinMs);
    },
  ),
];
