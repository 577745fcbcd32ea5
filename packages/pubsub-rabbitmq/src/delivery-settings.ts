import type { QueuePlan } from './topology.ts';

/** What the component's fields say about consuming. */
export interface ConsumptionSettings {
  readonly autoAck: boolean;
  readonly enableDeadLetter: boolean;
  readonly requeueInFailure: boolean;
  readonly concurrency: 'parallel' | 'single';
  /** 0: the component's own bounds. */
  readonly prefetchCount: number;
  readonly redeliverIntervalMs: number;
  readonly withProperties: boolean;
}

export interface DeliverySettings {
  /** Acknowledge when handing over, whatever becomes of the message. */
  readonly autoAck: boolean;
  /** A failed message leaves for the dead-letter exchange at once. */
  readonly deadLetterFailed: boolean;
  /** A failed message goes back to the queue, after a pause, for whichever instance comes first. */
  readonly requeueFailed: boolean;
  /** How many are with the handler at a time. */
  readonly concurrency: number;
  /** How many the broker sends ahead of their acknowledgement. */
  readonly prefetch: number;
  /** Begin with few and fetch more once it is known how large they are. */
  readonly careful: boolean;
  /** The first pause before a failed message is tried again; it doubles with each failure. */
  readonly redeliverIntervalMs: number;
  readonly withProperties: boolean;
}

/** What Dapr's "unlimited" is here: messages that one subscription holds, as long as they are small. */
const defaultPrefetch = 100;
/** With one at a time the rest only waits; a few hide the way to the broker. */
const defaultOrderedPrefetch = 10;

/** How a subscription delivers, by the component's fields and the kind of its queue. */
export function deliverySettings(
  {
    autoAck,
    enableDeadLetter,
    requeueInFailure,
    concurrency,
    prefetchCount,
    redeliverIntervalMs,
    withProperties,
  }: ConsumptionSettings,
  { quorum, singleActiveConsumer }: Pick<QueuePlan, 'quorum' | 'singleActiveConsumer'>,
  minConcurrency: number,
): DeliverySettings {
  const single = concurrency === 'single';
  const inOrder = single && minConcurrency <= 1;
  // up to RabbitMQ 4.2 a quorum queue counts what comes back untouched as a delivery, so nothing is fetched that only waits
  const own = prefetchCount || (!single ? defaultPrefetch : quorum ? 1 : defaultOrderedPrefetch);
  const prefetch = Math.min(Math.max(own, minConcurrency), 65_535);
  return {
    autoAck,
    deadLetterFailed: enableDeadLetter && !requeueInFailure,
    // in order it is tried again in place; a quorum queue would count each return, and drop the message in the end
    requeueFailed: requeueInFailure && !inOrder && !quorum,
    concurrency: single ? minConcurrency : prefetch,
    prefetch,
    careful: prefetchCount === 0 && !single && !singleActiveConsumer,
    redeliverIntervalMs,
    withProperties,
  };
}
