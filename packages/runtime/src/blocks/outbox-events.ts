import type { RequestMetadata } from '@outrigger/core';

import { malformedRequest } from '../errors.ts';
import { jsonMembers } from './cloud-event-json.ts';
import { type EnvelopeWriter, textOf } from './cloud-event-envelope.ts';
import { isTruthy } from './outbox-settings.ts';
import type { SaveItem, TransactionOperation } from './state.ts';

/** W3C trace context of a caller; empty or absent: none. */
export interface CallerTrace {
  readonly traceparent?: string;
  readonly tracestate?: string;
}

export interface OutboxPlan {
  /** What is written: all operations but projections. */
  readonly stored: readonly TransactionOperation[];
  /** One item for each event, in the order of the upserts: the item itself, or the projection that stands in for its payload. */
  readonly events: readonly { readonly payload: SaveItem; readonly metadata: RequestMetadata }[];
}

/** Which operations of a transaction are written and which events it has. Throws 400 for a projection of nothing. */
export function planOutbox(operations: readonly TransactionOperation[]): OutboxPlan {
  const projections = new Map<string, SaveItem>();
  const stored: TransactionOperation[] = [];
  for (const operation of operations) {
    if (operation.operation === 'upsert' && isTruthy(operation.request.metadata?.['outbox.projection'] ?? '')) {
      projections.set(operation.request.key, operation.request);
    } else stored.push(operation);
  }
  const events = stored.flatMap((operation) => {
    if (operation.operation !== 'upsert') return [];
    const { request } = operation;
    return [{ payload: projections.get(request.key) ?? request, metadata: request.metadata ?? {} }];
  });
  for (const key of projections.keys()) {
    if (stored.some(({ operation, request }) => operation === 'upsert' && request.key === key)) continue;
    throw malformedRequest(
      `the operation with outbox.projection for key '${key}' stands for no other: the transaction needs an upsert of the same key beside it`,
    );
  }
  return { stored, events };
}

/** Not attributes of the event: what they say is for the state store or for the outbox itself. */
const notAttributes = /^(?:outbox\..*|ttlinseconds|contenttype|data|data_base64|id)$/i;
const override = /^cloudevent\./i;
const standard: ReadonlySet<string> = new Set(['source', 'type', 'subject', 'traceid', 'traceparent', 'tracestate']);

/**
 * The envelope in which an event waits, ready for its topic. All metadata of the operation but `data` and `id` are attributes of
 * the event, with `cloudevent.` before them or without.
 */
export function outboxEnvelope(
  writer: EnvelopeWriter,
  id: string,
  topic: string,
  { payload, metadata }: OutboxPlan['events'][number],
  trace: CallerTrace,
): Uint8Array {
  const attributes = new Map<string, string>();
  for (const [name, value] of Object.entries(metadata)) {
    const bare = name.replace(override, '');
    if (!notAttributes.test(bare))
      attributes.set(bare.toLowerCase() === 'datacontenttype' ? 'datacontenttype' : bare, value);
  }
  const { data, contentType } = eventData(payload, attributes.get('datacontenttype'));
  attributes.delete('datacontenttype');
  const overrides: Record<string, string> = { 'cloudevent.id': id };
  for (const [name, value] of attributes) {
    if (standard.has(name.toLowerCase())) overrides[`cloudevent.${name}`] = value;
  }
  const envelope = writer.wrap({ topic, data, contentType, metadata: overrides, ...trace });
  const extensions = [...attributes].filter(([name]) => !standard.has(name.toLowerCase()));
  if (extensions.length === 0) return envelope;
  const members = jsonMembers(textOf(envelope));
  for (const [name, value] of extensions) members.set(name, JSON.stringify(value));
  return Buffer.from(`{${[...members].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`);
}

/**
 * Payload and content type of an event. Without a type a value that came as JSON is a text when it is a JSON string, as in Dapr,
 * and JSON when it is an object or a list (where Dapr writes the value as Go prints it).
 */
function eventData(
  { value, contentType, isJson, metadata }: SaveItem,
  named: string | undefined,
): { readonly data: Uint8Array; readonly contentType: string } {
  const type = contentType || valueOf(metadata, 'contenttype') || named;
  if (!isJson) return { data: value, contentType: type ?? '' };
  const text = textOf(value).trimStart();
  if (type === undefined) {
    if (text.startsWith('{') || text.startsWith('[')) return { data: value, contentType: 'application/json' };
    return { data: text.startsWith('"') ? stringIn(text) : value, contentType: '' };
  }
  const isText = text.startsWith('"') && !/^application\/json\b/i.test(type);
  return { data: isText ? stringIn(text) : value, contentType: type };
}

function stringIn(json: string): Uint8Array {
  return Buffer.from(String(JSON.parse(json)));
}

function valueOf(metadata: RequestMetadata | undefined, lowerName: string): string | undefined {
  for (const name in metadata) if (name.toLowerCase() === lowerName) return metadata[name] || undefined;
  return undefined;
}
