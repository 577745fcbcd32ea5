import type { BulkTopicEvent, TopicEventStatus } from './app-channel.ts';

const known: ReadonlySet<unknown> = new Set<TopicEventStatus>(['SUCCESS', 'RETRY', 'DROP']);

/** What a 2xx answer to one event means: anything but a status is success. Throws for a status that is unknown. */
export function eventStatus(body: Uint8Array | undefined): TopicEventStatus {
  const status = member(parsed(body), 'status');
  if (typeof status !== 'string' || status === '') return 'SUCCESS';
  if (!known.has(status)) {
    throw new Error(`unknown status ${JSON.stringify(status)} returned from app; it must be SUCCESS, RETRY or DROP`);
  }
  return status as TopicEventStatus;
}

/** What a 2xx answer to a batch means for each entry; one without a known status is to be retried. */
export function bulkStatuses(
  body: Uint8Array | undefined,
  event: BulkTopicEvent,
): ReadonlyMap<string, TopicEventStatus> {
  const statuses = member(parsed(body), 'statuses');
  if (!Array.isArray(statuses)) {
    throw new TypeError(
      'the app answered a batch without `statuses`; it must be {"statuses":[{"entryId":"…","status":"…"}]}',
    );
  }
  const answered = new Map(statuses.map((one: unknown) => [member(one, 'entryId'), member(one, 'status')]));
  return new Map(
    event.entries.map(({ entryId }) => {
      const status = answered.get(entryId);
      return [entryId, known.has(status) ? (status as TopicEventStatus) : 'RETRY'];
    }),
  );
}

/** The body of a bulk delivery; the events themselves go in as they came. */
export function bulkRequestBody(event: BulkTopicEvent): Uint8Array {
  const entries = event.entries.map(
    ({ contentType, entryId, json, metadata }) =>
      `{"contentType":${JSON.stringify(contentType)},"entryId":${JSON.stringify(entryId)},"event":${json},"metadata":${JSON.stringify(metadata)}}`,
  );
  return Buffer.from(
    `{"entries":[${entries.join(',')}],"id":${JSON.stringify(event.id)},"metadata":${JSON.stringify({ ...event.metadata, pubsubName: event.pubsubName })},` +
      `"pubsubname":${JSON.stringify(event.pubsubName)},"topic":${JSON.stringify(event.topic)},"type":"com.dapr.event.sent.bulk"}`,
  );
}

function parsed(body: Uint8Array | undefined): unknown {
  if (body === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** By its name, in any case where there is none that is written so: `{"Status":"DROP"}` is an answer, too. */
function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const members = value as Readonly<Record<string, unknown>>;
  if (name in members) return members[name];
  const lower = name.toLowerCase();
  const other = Object.keys(members).find((candidate) => candidate.toLowerCase() === lower);
  return other === undefined ? undefined : members[other];
}
