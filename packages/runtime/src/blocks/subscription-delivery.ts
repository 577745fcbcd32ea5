import { errorMessage, type Logger, type Message } from '@outrigger/core';

import { type AppChannel, type TopicEvent, UnreachedAppError } from '../app-channel/app-channel.ts';
import type { DeadLetterTopic } from './dead-letter.ts';
import type { Broker } from './pubsub-broker.ts';
import type { EventReader } from './subscription-events.ts';
import type { Leave } from './subscription-leave.ts';

export interface DeliveryContext {
  readonly broker: Broker;
  readonly reader: EventReader;
  readonly channel: Pick<AppChannel, 'deliver' | 'deliverMany'>;
  readonly deadLetters: DeadLetterTopic | undefined;
  readonly leave: Leave;
  readonly logger: Logger;
}

/**
 * Takes a message from the broker to the app. Resolves when it may be acknowledged: the app has handled or dropped it, no
 * route wants it, it has expired, or the dead letter topic has it. Rejects when the broker is to deliver it again: there is
 * no dead letter topic, it did not take the message, the app was never given it, or the subscription is leaving.
 */
export async function deliver(context: DeliveryContext, message: Message, own: AbortSignal): Promise<void> {
  const { leave, logger } = context;
  const signal = leave.signalWith(own);
  signal.throwIfAborted();
  let event;
  try {
    event = context.reader.read(message);
  } catch (error) {
    logger.error(
      `cannot read a message of topic ${message.topic} on pubsub ${context.broker.name}: ${errorMessage(error)}`,
    );
    return await failed(context, message, error, signal);
  }
  if ('undeliverable' in event) {
    logger.warn(
      `dropping a message of topic ${message.topic} on pubsub ${context.broker.name}: ${event.undeliverable}`,
    );
    await context.deadLetters?.take(message, signal);
    signal.throwIfAborted();
    return;
  }
  let dropped = false;
  const attempts = new Attempts();
  try {
    // Under a policy the retries stop when the subscription leaves; without one there is a single attempt.
    await leave.execute(
      context.broker.inbound,
      async (attempt) => {
        dropped = await attempts.make(() => droppedByApp(context.channel, event, attempt));
      },
      signal,
    );
  } catch (error) {
    logger.warn(
      `handling event ${String(event.cloudEvent['id'])} of topic ${event.topic} failed: ${errorMessage(error)}`,
    );
    if (leave.leaving || signal.aborted || !attempts.haveReachedApp) throw error;
    return await failed(context, message, error, signal);
  }
  if (!dropped) return;
  logger.warn(`the app dropped event ${String(event.cloudEvent['id'])} of topic ${event.topic}`);
  if (context.deadLetters !== undefined && !(await context.deadLetters.take(message, signal))) {
    throw new Error('the app dropped the message, and the dead letter topic did not take it');
  }
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
  channel: DeliveryContext['channel'],
  event: TopicEvent,
  signal: AbortSignal,
): Promise<boolean> {
  const status = await channel.deliver(event, signal);
  if (status === 'RETRY') {
    throw new Error(`RETRY status returned from app while processing pub/sub event ${String(event.cloudEvent['id'])}`);
  }
  return status === 'DROP';
}

async function failed(
  { deadLetters }: DeliveryContext,
  message: Message,
  error: unknown,
  signal: AbortSignal,
): Promise<void> {
  if (deadLetters === undefined || !(await deadLetters.take(message, signal))) throw error;
}
