import type { Logger } from '@outrigger/core';
import type {
  SubscribeTopicEventsRequestAlpha1,
  SubscribeTopicEventsRequestInitialAlpha1,
  SubscribeTopicEventsResponseAlpha1,
} from '@outrigger/protocol/runtime';
import type { Runtime, StreamingSubscription } from '@outrigger/runtime';

import { GrpcError } from '@outrigger/grpc';
import { EventExchange } from './event-exchange.ts';

/**
 * One streaming subscription: what is wanted, the answer that it is there, then events this way and what became of them that
 * way, until the caller ends its side or the runtime stops. Events without an answer by then go back to the broker.
 */
export async function* subscribeToTopic(
  runtime: Pick<Runtime, 'subscribe'>,
  requests: AsyncIterable<SubscribeTopicEventsRequestAlpha1>,
  signal: AbortSignal,
  logger: Logger,
): AsyncGenerator<SubscribeTopicEventsResponseAlpha1> {
  const received = requests[Symbol.asyncIterator]();
  const wanted = subscriptionOf((await received.next()).value as SubscribeTopicEventsRequestAlpha1 | undefined);
  const exchange = new EventExchange(logger);
  const end = (): void => exchange.end();
  await using subscription = await runtime.subscribe(wanted, exchange.deliver, signal);
  void subscription.ended.then(end);
  signal.addEventListener('abort', end, { once: true });
  readAnswers(received, exchange).then(end, (error: Error) => exchange.end(error));
  yield { initialResponse: {} };
  for await (const eventMessage of exchange.events()) yield { eventMessage };
}

function subscriptionOf(first: SubscribeTopicEventsRequestAlpha1 | undefined): StreamingSubscription {
  if (first?.initialRequest === undefined) throw refused('initial request is required');
  const { pubsubName, topic, metadata, deadLetterTopic }: SubscribeTopicEventsRequestInitialAlpha1 =
    first.initialRequest;
  return { pubsubName, topic, metadata, ...(deadLetterTopic && { deadLetterTopic }) };
}

/** Resolves when the caller sends no more. */
async function readAnswers(
  received: AsyncIterator<SubscribeTopicEventsRequestAlpha1>,
  exchange: EventExchange,
): Promise<void> {
  for (;;) {
    const next = await received.next();
    if (next.done) return;
    const { eventProcessed } = next.value;
    if (eventProcessed === undefined) throw refused('duplicate initial request received');
    exchange.answer(eventProcessed.id, eventProcessed.status?.status ?? 0);
  }
}

/** With the code that Dapr's plain errors have. */
function refused(message: string): GrpcError {
  return new GrpcError('UNKNOWN', message);
}
