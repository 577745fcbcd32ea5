import { randomUUID } from 'node:crypto';

import { type BulkOutcome, errorMessage, type Message } from '@outrigger/core';

import { type BulkTopicEvent, type TopicEvent, type TopicEventStatus } from '../app-channel/app-channel.ts';
import { cloudEventContentType } from './cloud-event.ts';
import { base64Of, textOf } from './cloud-event-envelope.ts';
import { noMetadata } from './pubsub-metadata.ts';
import { type DeliveryContext } from './subscription-delivery.ts';

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
  for (const [index, message] of messages.entries()) {
    let event;
    try {
      event = context.reader.read(message);
    } catch (error) {
      context.logger.error(
        `cannot read a message of topic ${topic} on pubsub ${context.broker.name}: ${errorMessage(error)}`,
      );
      outcomes[index] = await failedOutcome(context, message, error);
      continue;
    }
    if ('undeliverable' in event) {
      context.logger.warn(
        `dropping a message of topic ${topic} on pubsub ${context.broker.name}: ${event.undeliverable}`,
      );
      await context.deadLetters?.take(message);
      continue;
    }
    const pending = { message, entry: entryOf(event, message, context.reader.rawPayload), index };
    const sameRoute = byPath.get(event.path);
    if (sameRoute === undefined) byPath.set(event.path, [pending]);
    else sameRoute.push(pending);
  }
  await Promise.all(
    [...byPath].map(async ([path, entries]) => {
      for (const [index, outcome] of await deliverToPath(context, topic, path, entries, signal))
        outcomes[index] = outcome;
    }),
  );
  return outcomes;
}

function entryOf(event: TopicEvent, message: Message, raw: boolean): Entry {
  const base = { entryId: randomUUID(), metadata: message.metadata };
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
): Promise<Map<number, BulkOutcome<void>>> {
  const { broker, channel, leave, logger } = context;
  let pending = entries;
  const dropped: Pending[] = [];
  try {
    await leave.execute(
      broker.inbound,
      async (attempt) => {
        const statuses = await channel.deliverMany(
          {
            pubsubName: broker.name,
            topic,
            path,
            id: randomUUID(),
            metadata: noMetadata,
            entries: pending.map(({ entry }) => entry),
          },
          attempt,
        );
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
    const givenBack = leave.leaving || signal.aborted;
    const outcomes = await settleDropped(context, dropped);
    for (const { message, index } of pending) {
      outcomes.set(index, givenBack ? { ok: false, error } : await failedOutcome(context, message, error));
    }
    return outcomes;
  }
  return settleDropped(context, dropped);
}

async function settleDropped(
  { deadLetters, logger }: DeliveryContext,
  dropped: readonly Pending[],
): Promise<Map<number, BulkOutcome<void>>> {
  const outcomes = new Map<number, BulkOutcome<void>>();
  for (const { message, entry, index } of dropped) {
    logger.warn(`DROP status returned from app while processing pub/sub entry ${entry.entryId}`);
    if (deadLetters === undefined || (await deadLetters.take(message))) continue;
    outcomes.set(index, {
      ok: false,
      error: new Error('the entry was dropped, and the dead letter topic did not take it'),
    });
  }
  return outcomes;
}

async function failedOutcome(
  { deadLetters }: DeliveryContext,
  message: Message,
  error: unknown,
): Promise<BulkOutcome<void>> {
  const taken = deadLetters !== undefined && (await deadLetters.take(message));
  return taken ? { ok: true, value: undefined } : { ok: false, error };
}
