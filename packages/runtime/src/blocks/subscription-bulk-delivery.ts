import { type BulkOutcome, errorMessage, type Message } from '@outrigger/core';

import type { BulkTopicEvent, TopicEvent, TopicEventStatus } from '../app-channel/app-channel.ts';
import { cloudEventContentType } from './cloud-event.ts';
import { base64Of, textOf } from './cloud-event-envelope.ts';
import { noMetadata } from './pubsub-metadata.ts';
import { Attempts, type DeliveryContext } from './subscription-delivery.ts';

type Entry = BulkTopicEvent['entries'][number];

interface Pending {
  readonly message: Message;
  readonly entry: Entry;
  /** Position in the batch. */
  readonly index: number;
}

/**
 * Takes a batch to the app: one call per path that its entries are routed to. What the single delivery's promise means holds
 * here for each outcome.
 */
export async function deliverMany(
  context: DeliveryContext,
  topic: string,
  messages: readonly Message[],
  own: AbortSignal,
): Promise<BulkOutcome<void>[]> {
  const signal = context.leave.signalWith(own);
  const outcomes = messages.map((): BulkOutcome<void> => ({ ok: true, value: undefined }));
  const byPath = new Map<string, Pending[]>();
  // all of them are read and grouped before the first wait
  const unrouted = messages.map(async (message, index) => {
    let event;
    try {
      event = context.reader.read(message);
    } catch (error) {
      context.logger.error(
        `cannot read a message of topic ${topic} on pubsub ${context.broker.name}: ${errorMessage(error)}`,
      );
      outcomes[index] = await failedOutcome(context, message, error, signal);
      return;
    }
    if ('undeliverable' in event) {
      context.logger.warn(
        `dropping a message of topic ${topic} on pubsub ${context.broker.name}: ${event.undeliverable}`,
      );
      await context.deadLetters?.take(message, signal);
      if (signal.aborted) outcomes[index] = { ok: false, error: signal.reason };
      return;
    }
    const pending = { message, entry: entryOf(event, message, context.reader.rawPayload), index };
    const sameRoute = byPath.get(event.path);
    if (sameRoute === undefined) byPath.set(event.path, [pending]);
    else sameRoute.push(pending);
  });
  const routed = [...byPath].map(async ([path, entries]) => {
    for (const [index, outcome] of await deliverToPath(context, topic, path, entries, signal)) {
      outcomes[index] = outcome;
    }
  });
  await Promise.all([...unrouted, ...routed]);
  return outcomes;
}

function entryOf(event: TopicEvent, message: Message, raw: boolean): Entry {
  const base = { entryId: crypto.randomUUID(), metadata: message.metadata };
  if (raw) {
    const text = base64Of(message.data);
    return { ...base, event: text, json: `"${text}"`, contentType: message.contentType || 'application/octet-stream' };
  }
  const inBinaryMode = event.cloudEvent['data'] instanceof Uint8Array;
  const json = inBinaryMode
    ? JSON.stringify({ ...event.cloudEvent, data: base64Of(message.data) })
    : textOf(event.body);
  return { ...base, event: event.cloudEvent, json, contentType: message.contentType || cloudEventContentType };
}

/** The outcomes of entries that did not simply succeed. */
async function deliverToPath(
  context: DeliveryContext,
  topic: string,
  path: string,
  entries: readonly Pending[],
  signal: AbortSignal,
): Promise<ReadonlyMap<number, BulkOutcome<void>>> {
  const { broker, channel, leave, logger } = context;
  let pending = entries;
  const dropped: Pending[] = [];
  const attempts = new Attempts();
  try {
    await leave.execute(
      broker.inbound,
      async (attempt) => {
        const batch = {
          pubsubName: broker.name,
          topic,
          path,
          id: crypto.randomUUID(),
          metadata: noMetadata,
          entries: pending.map(({ entry }) => entry),
        };
        const statuses = await attempts.make(() => channel.deliverMany(batch, attempt));
        // an attempt that was given up, and whose answer came all the same, has no say any more
        attempt.throwIfAborted();
        const statusOf = ({ entry }: Pending): TopicEventStatus => statuses.get(entry.entryId) ?? 'RETRY';
        dropped.push(...pending.filter((one) => statusOf(one) === 'DROP'));
        // Only what is to be retried is sent again.
        pending = pending.filter((one) => statusOf(one) === 'RETRY');
        if (pending.length > 0) throw new Error(`the app asked to retry ${pending.length} of ${statuses.size} entries`);
      },
      signal,
    );
  } catch (error) {
    logger.warn(`handling a batch of topic ${topic} failed for ${pending.length} entries: ${errorMessage(error)}`);
    const givenBack = leave.leaving || signal.aborted || !attempts.haveReachedApp;
    const failed = pending.map(async ({ message, index }): Promise<IndexedOutcome> => {
      return [index, givenBack ? { ok: false, error } : await failedOutcome(context, message, error, signal)];
    });
    return new Map(await Promise.all([...failed, ...droppedOutcomes(context, dropped, signal)]));
  }
  return new Map(await Promise.all(droppedOutcomes(context, dropped, signal)));
}

type IndexedOutcome = readonly [index: number, outcome: BulkOutcome<void>];

function droppedOutcomes(
  { deadLetters, logger }: DeliveryContext,
  dropped: readonly Pending[],
  signal: AbortSignal,
): Promise<IndexedOutcome>[] {
  return dropped.map(async ({ message, entry, index }): Promise<IndexedOutcome> => {
    logger.warn(`DROP status returned from app while processing pub/sub entry ${entry.entryId}`);
    if (deadLetters === undefined || (await deadLetters.take(message, signal))) {
      return [index, { ok: true, value: undefined }];
    }
    return [index, { ok: false, error: new Error('the entry was dropped, and the dead letter topic did not take it') }];
  });
}

async function failedOutcome(
  { deadLetters }: DeliveryContext,
  message: Message,
  error: unknown,
  signal: AbortSignal,
): Promise<BulkOutcome<void>> {
  const taken = deadLetters !== undefined && (await deadLetters.take(message, signal));
  return taken ? { ok: true, value: undefined } : { ok: false, error };
}
