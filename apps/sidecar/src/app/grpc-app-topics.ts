import { errorMessage, type Logger } from '@outrigger/core';
import {
  TopicEventBulkRequest,
  type TopicEventBulkRequestEntry,
  TopicEventBulkResponse,
  TopicEventResponse_TopicEventResponseStatus as EventStatus,
  type TopicSubscription,
} from '@outrigger/protocol/runtime';
import type { BulkTopicEvent, SubscriptionSpec, TopicEventStatus } from '@outrigger/runtime';

import { cloudEventRequest } from '../blocks/pubsub/topic-event-request.ts';

/** A subscription as the app lists it. One without routes gets its events all the same, with an empty path. */
export function subscriptionSpec({
  bulkSubscribe,
  deadLetterTopic,
  metadata,
  pubsubName,
  routes,
  topic,
}: TopicSubscription): SubscriptionSpec {
  const rules: { match?: string; path: string }[] = (routes?.rules ?? []).map(({ match, path }) => ({ match, path }));
  if (routes?.default || rules.length === 0) rules.push({ path: routes?.default ?? '' });
  return {
    pubsubName,
    topic,
    metadata,
    rules,
    ...(deadLetterTopic !== '' && { deadLetterTopic }),
    ...(bulkSubscribe?.enabled && {
      bulkSubscribe: {
        enabled: true,
        maxMessagesCount: Math.max(0, bulkSubscribe.maxMessagesCount),
        maxAwaitDurationMs: Math.max(0, bulkSubscribe.maxAwaitDurationMs),
      },
    }),
  };
}

const statuses = new Map<number, TopicEventStatus>([
  [EventStatus.SUCCESS, 'SUCCESS'],
  [EventStatus.RETRY, 'RETRY'],
  [EventStatus.DROP, 'DROP'],
]);

/** What the app has made of one event. Throws for a status that is unknown, which is to be retried. */
export function topicEventStatus(status: number): TopicEventStatus {
  const known = statuses.get(status);
  if (known === undefined)
    throw new Error(`unknown status ${status} returned from app; it must be SUCCESS, RETRY or DROP`);
  return known;
}

/** A batch as the message of `OnBulkTopicEvent`. An entry that cannot be told in this form is left out, so that it is retried. */
export function bulkMessage(event: BulkTopicEvent, logger: Logger): Uint8Array {
  return TopicEventBulkRequest.encode({
    id: event.id,
    entries: event.entries.flatMap((entry) => {
      try {
        return [bulkEntry(entry)];
      } catch (error) {
        logger.warn(`cannot deliver entry ${entry.entryId} of topic ${event.topic}: ${errorMessage(error)}`);
        return [];
      }
    }),
    metadata: { ...event.metadata, pubsubName: event.pubsubName },
    topic: event.topic,
    pubsubName: event.pubsubName,
    type: 'com.dapr.event.sent.bulk',
    path: event.path,
  }).finish();
}

/** What the app has made of each entry of a batch; one that it does not mention is to be retried. */
export function bulkStatuses(message: Uint8Array | undefined, event: BulkTopicEvent): Map<string, TopicEventStatus> {
  const result = new Map<string, TopicEventStatus>(event.entries.map(({ entryId }) => [entryId, 'RETRY']));
  const answered = message === undefined ? [] : TopicEventBulkResponse.decode(message).statuses;
  for (const { entryId, status } of answered) {
    if (result.has(entryId)) result.set(entryId, statuses.get(status) ?? 'RETRY');
  }
  return result;
}

function bulkEntry(entry: BulkTopicEvent['entries'][number]): TopicEventBulkRequestEntry {
  const { contentType, entryId, event, json, metadata } = entry;
  const payload =
    typeof event === 'string'
      ? { bytes: Buffer.from(event, 'base64') }
      : { cloudEvent: cloudEventRequest(event, Buffer.from(json)) };
  return { entryId, contentType, metadata: { ...metadata }, ...payload };
}
