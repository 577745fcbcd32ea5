import { describe, it } from 'vitest';
import { SetUp } from './pubsub/case.ts';
import type { CreatePubSub, PubSubQuirks } from './pubsub/quirks.ts';
import { themes } from './pubsub/themes.ts';

export type { CuttableRoute, KillableServer } from './faults.ts';
export type { CreatePubSub, KillableBroker, PubSubQuirks } from './pubsub/quirks.ts';

/**
 * Registers the cases that every pub/sub component has to pass; call it inside a test file. What a component claims and what
 * the quirks say decides which apply; the others are skipped with the reason.
 *
 * @example
 * pubSubConformance(({ consumerId }) => create({ consumerID: consumerId, redeliverInterval: '200ms' }), { unordered: true });
 */
export function pubSubConformance(createPubSub: CreatePubSub, quirks: PubSubQuirks = {}): void {
  const setUp = new SetUp(createPubSub, quirks);
  describe('pub/sub conformance', { timeout: setUp.timeoutMs }, () => {
    describe.for([...themes])('%s', ([, cases]) => {
      it.for(cases.map(({ title, ...rest }) => [title, rest] as const))('%s', async ([, { unless, run }], { skip }) => {
        const reason = unless?.(setUp);
        if (reason) skip(reason);
        await run(setUp, skip);
      });
    });
  });
}
