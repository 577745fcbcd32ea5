import type { PubSub } from '@outrigger/core';
import { describe } from 'vitest';
import { deliveryCases } from './pubsub/delivery.ts';
import { groupCases } from './pubsub/groups.ts';
import { publishingCases } from './pubsub/publishing.ts';
import { shutdownCases } from './pubsub/shutdown.ts';

/** Where brokers rightly differ. Data, not switches: what is absent is the strict reading of the contract. */
export interface PubSubQuirks {
  /** Instances of the component do not see each other's messages, as with a broker inside one process. Default false. */
  readonly isolated?: boolean;
  /** Messages reach one subscription in another order than they were published. Default false. */
  readonly unordered?: boolean;
  /** How long a failed or abandoned message may take to come again, as the instances are configured. Default 5000. */
  readonly redeliveredWithinMs?: number;
  /** The wildcard topic that covers `<base>.a` and not `<base>`, for `subscribe-wildcards`. Default: `<base>.*`. */
  readonly wildcardOf?: (base: string) => string;
  /** The broker does not carry metadata from publisher to subscriber. Default false. */
  readonly losesMetadata?: boolean;
  /**
   * Starts a consumer in a process of its own that receives one message of the topic and is killed while it handles it;
   * resolves when it is dead. Without it the crash case does not run.
   */
  readonly receiveAndDie?: (consumer: { readonly topic: string; readonly consumerId: string }) => Promise<void>;
}

/**
 * A connected instance, as one replica of the app `consumerId` would have it. The suite disposes it. Topics and consumer ids
 * are unique per case, so all instances may share one backend that is never emptied.
 */
export type CreatePubSub = (options: { readonly consumerId: string }) => Promise<PubSub>;

/**
 * Registers the cases that every pub/sub component has to pass; call it inside a test file.
 *
 * @example
 * pubSubConformance(({ consumerId }) => create({ consumerID: consumerId, redeliverInterval: '200ms' }), { unordered: true });
 */
export function pubSubConformance(createPubSub: CreatePubSub, quirks: PubSubQuirks = {}): void {
  describe('pub/sub conformance', () => {
    publishingCases(createPubSub, quirks);
    deliveryCases(createPubSub, quirks);
    groupCases(createPubSub, quirks);
    shutdownCases(createPubSub, quirks);
  });
}
