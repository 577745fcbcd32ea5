import type { Message } from '@outrigger/core';

import {
  type AppChannel,
  type TopicEvent,
  type TopicEventStatus,
  UnreachedAppError,
} from '../app-channel/app-channel.ts';
import type { ProcessStatus } from '../pubsub-meter.ts';
import { deliverySpan } from './delivery-span.ts';
import type { Broker } from './pubsub-broker.ts';
import type { EventReader } from './subscription-events.ts';
import type { SubscriptionFailures } from './subscription-failures.ts';
import type { Leave } from './subscription-leave.ts';

export interface DeliveryContext {
  readonly broker: Broker;
  readonly reader: EventReader;
  readonly channel: Pick<AppChannel, 'deliver' | 'deliverMany'>;
  readonly failures: SubscriptionFailures;
  readonly leave: Leave;
}

/**
 * Takes a message from the broker to the app. Resolves when it may be acknowledged: the app has handled it, the dead letter
 * topic has it, or there is none and the app dropped it, no route wants it or it has expired. Rejects when the broker is to
 * deliver it again: it failed and there is no dead letter topic, that did not take it, the app was never given it, or the
 * subscription is leaving.
 */
export async function deliver(context: DeliveryContext, message: Message, own: AbortSignal): Promise<void> {
  const { failures, leave } = context;
  const signal = leave.signalWith(own);
  signal.throwIfAborted();
  let event;
  try {
    event = context.reader.read(message);
  } catch (error) {
    return await failures.failed(message, undefined, error, signal);
  }
  const { meter } = context.broker;
  if ('undeliverable' in event) {
    meter?.delivered(message.topic, 'drop');
    return await failures.dropped(message, event.event, event.undeliverable, signal);
  }
  const id = String(event.cloudEvent['id']);
  let dropped = false;
  const attempts = new Attempts();
  try {
    // Under a policy the retries stop when the subscription leaves; without one there is a single attempt.
    await leave.execute(
      context.broker.inbound,
      async (attempt) => {
        dropped = await attempts.make(() => droppedByApp(context, event, attempt));
      },
      signal,
    );
  } catch (error) {
    if (leave.leaving || signal.aborted) {
      failures.givenBack(event.topic, [id], error);
      throw error;
    }
    if (attempts.haveReachedApp) return await failures.failed(message, id, error, signal);
    failures.comeAgain(event.topic, [id], error);
    throw error;
  }
  if (dropped) await failures.dropped(message, id, 'the app dropped it', signal);
}

/**
 * Whether the app was given a message at all. One that it never saw, since it accepts no connections or a circuit breaker holds
 * calls back, is no dead letter: it goes back to the broker.
 */
export class Attempts {
  #made = 0;
  #unreached = 0;

  get haveReachedApp(): boolean {
    return this.#made > this.#unreached;
  }

  async make<T>(call: () => Promise<T>): Promise<T> {
    this.#made++;
    try {
      return await call();
    } catch (error) {
      if (error instanceof UnreachedAppError) this.#unreached++;
      throw error;
    }
  }
}

/** Rejects when the app wants the event again. */
async function droppedByApp(
  { channel, broker: { meter, tracer } }: Pick<DeliveryContext, 'broker' | 'channel'>,
  event: TopicEvent,
  signal: AbortSignal,
): Promise<boolean> {
  const start = performance.now();
  let status: TopicEventStatus = 'RETRY';
  const span = tracer && deliverySpan(tracer, event.topic, event.cloudEvent);
  try {
    status = await channel.deliver(span === undefined ? event : { ...event, trace: span }, signal);
  } finally {
    if (status === 'RETRY') span?.fail('the app did not handle it');
    span?.end();
    meter?.delivered(event.topic, processStatus(status), performance.now() - start);
  }
  if (status === 'RETRY') {
    throw new Error('the app answered RETRY');
  }
  return status === 'DROP';
}

/** As the metrics call it. */
export function processStatus(status: TopicEventStatus): ProcessStatus {
  return status === 'SUCCESS' ? 'success' : status === 'DROP' ? 'drop' : 'retry';
}
