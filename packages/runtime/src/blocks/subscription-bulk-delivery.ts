import type { BulkOutcome, Message } from '@outrigger/core';

import type { BulkTopicEvent, TopicEvent, TopicEventStatus } from '../app-channel/app-channel.ts';
import type { Tracer } from '../tracing.ts';
import { cloudEventContentType } from './cloud-event.ts';
import { base64Of, textOf } from './cloud-event-envelope.ts';
import { deliverySpan } from './delivery-span.ts';
import { noMetadata } from './pubsub-metadata.ts';
import { Attempts, type DeliveryContext, processStatus } from './subscription-delivery.ts';

type Entry = BulkTopicEvent['entries'][number];

interface Pending {
  readonly message: Message;
  readonly entry: Entry;
  /** Id of the event. */
  readonly id: string;
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
      outcomes[index] = await outcomeOf(context.failures.failed(message, undefined, error, signal));
      return;
    }
    if ('undeliverable' in event) {
      outcomes[index] = await outcomeOf(context.failures.dropped(message, event.event, event.undeliverable, signal));
      return;
    }
    const id = String(event.cloudEvent['id']);
    const pending = { message, id, entry: entryOf(event, message, context.reader.rawPayload), index };
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
  const { broker, channel, failures, leave } = context;
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
        const statuses = await measured(context, topic, pending.length, () =>
          attempts.make(() => traced(broker.tracer, batch, (event) => channel.deliverMany(event, attempt))),
        );
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
    const givesBack = leave.leaving || signal.aborted;
    if (!givesBack && attempts.haveReachedApp && failures.hasDeadLetters) {
      const failed = pending.map(async ({ message, id, index }): Promise<IndexedOutcome> => [
        index,
        await outcomeOf(failures.failed(message, id, error, signal)),
      ]);
      return new Map(await Promise.all([...failed, ...droppedOutcomes(context, dropped, signal)]));
    }
    const ids = pending.map(({ id }) => id);
    if (givesBack) failures.givenBack(topic, ids, error);
    else failures.comeAgain(topic, ids, error);
    const failed = pending.map(({ index }): IndexedOutcome => [index, { ok: false, error }]);
    return new Map([...failed, ...(await Promise.all(droppedOutcomes(context, dropped, signal)))]);
  }
  return new Map(await Promise.all(droppedOutcomes(context, dropped, signal)));
}

/** Counts a batch; entries of one that failed as a whole come again. */
async function measured(
  { broker: { meter } }: DeliveryContext,
  topic: string,
  size: number,
  deliverBatch: () => Promise<ReadonlyMap<string, TopicEventStatus>>,
): Promise<ReadonlyMap<string, TopicEventStatus>> {
  if (meter === undefined) return deliverBatch();
  const start = performance.now();
  const counts = { success: 0, retry: 0, drop: 0 };
  try {
    const statuses = await deliverBatch();
    for (const status of statuses.values()) counts[processStatus(status)]++;
    return statuses;
  } finally {
    counts.retry = size - counts.success - counts.drop;
    meter.batchDelivered(topic, counts, performance.now() - start);
  }
}

/** Records a span for each entry; as with Dapr, the app's work on the batch belongs to the last of them. */
async function traced(
  tracer: Tracer | undefined,
  batch: BulkTopicEvent,
  deliverBatch: (event: BulkTopicEvent) => Promise<ReadonlyMap<string, TopicEventStatus>>,
): Promise<ReadonlyMap<string, TopicEventStatus>> {
  if (tracer === undefined) return deliverBatch(batch);
  const spans = batch.entries.map(({ event }) => deliverySpan(tracer, batch.topic, event));
  let statuses: ReadonlyMap<string, TopicEventStatus> | undefined;
  try {
    statuses = await deliverBatch({ ...batch, trace: spans.at(-1) });
    return statuses;
  } finally {
    for (const [index, span] of spans.entries()) {
      const status = statuses?.get(batch.entries[index]?.entryId ?? '') ?? 'RETRY';
      if (status === 'RETRY') span.fail('the app did not handle it');
      span.end();
    }
  }
}

type IndexedOutcome = readonly [index: number, outcome: BulkOutcome<void>];

function droppedOutcomes(
  { failures }: DeliveryContext,
  dropped: readonly Pending[],
  signal: AbortSignal,
): Promise<IndexedOutcome>[] {
  return dropped.map(async ({ message, id, index }): Promise<IndexedOutcome> => [
    index,
    await outcomeOf(failures.dropped(message, id, 'the app dropped it', signal)),
  ]);
}

async function outcomeOf(settling: Promise<void>): Promise<BulkOutcome<void>> {
  try {
    await settling;
    return { ok: true, value: undefined };
  } catch (error) {
    return { ok: false, error };
  }
}
