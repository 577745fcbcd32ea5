import type { Message } from '@outrigger/core';

import { type CloudEvent, isBinaryType } from './cloud-event.ts';
import { base64Of, textOf } from './cloud-event-envelope.ts';

export interface ReceivedEvent {
  /** For routing, for the log and for handlers in this process. */
  readonly cloudEvent: CloudEvent;
  /** What an app gets over the wire: the message as it came, or the wrapper made for a raw payload. */
  readonly body: Uint8Array;
}

const traceAttributes = ['traceid', 'traceparent', 'tracestate', 'baggage'] as const;

/**
 * Reads a message that a broker delivered. `topic` is the app's name for the topic. Throws when the message should be an
 * envelope and is none: such a message can never be delivered.
 */
export function readMessage(message: Message, rawPayload: boolean, pubsubName: string, topic: string): ReceivedEvent {
  if (rawPayload) return wrap(message, pubsubName, topic);
  const contentType = message.contentType ?? message.metadata['content-type'];
  if (contentType !== undefined && isBinaryType(contentType)) {
    return { cloudEvent: fromHeaders(message, contentType), body: message.data };
  }
  const cloudEvent = parsed(message.data);
  if (typeof cloudEvent !== 'object' || cloudEvent === null || Array.isArray(cloudEvent)) {
    throw new TypeError('the message is JSON but not a cloud event; subscribe with rawPayload to receive it as it is');
  }
  fillTrace(cloudEvent as Record<string, unknown>, message);
  return { cloudEvent: cloudEvent as CloudEvent, body: message.data };
}

/** The parser's own error would carry a piece of the message into the log. */
function parsed(data: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(data));
  } catch {
    throw new SyntaxError('the message is not JSON; subscribe with rawPayload to receive it as it is');
  }
}

/** Whether the attribute `expiration` lies before `now`, in milliseconds; one that cannot be read never does. */
export function hasExpired(cloudEvent: CloudEvent, now: number): boolean {
  const expiration = cloudEvent['expiration'];
  return typeof expiration === 'string' && expiration !== '' && Date.parse(expiration) < now;
}

function wrap(message: Message, pubsubName: string, topic: string): ReceivedEvent {
  const cloudEvent: Record<string, unknown> = {
    data_base64: base64Of(message.data),
    datacontenttype: 'application/octet-stream',
    id: crypto.randomUUID(),
    pubsubname: pubsubName,
    source: 'Dapr',
    specversion: '1.0',
    topic,
  };
  fillTrace(cloudEvent, message);
  cloudEvent['type'] = 'com.dapr.event.sent';
  return { cloudEvent, body: Buffer.from(JSON.stringify(cloudEvent)) };
}

/** An event in binary mode: attributes are broker headers that start with `ce_`, the message is the data. */
function fromHeaders(message: Message, contentType: string): CloudEvent {
  const cloudEvent: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(message.metadata)) {
    const lower = name.toLowerCase();
    if (lower.startsWith('ce_')) cloudEvent[lower.slice(3)] = value;
  }
  cloudEvent['datacontenttype'] = contentType;
  cloudEvent['data'] = message.data;
  return cloudEvent;
}

/** A trace context that the broker carried beside the message stands in for one that the event lacks. */
function fillTrace(cloudEvent: Record<string, unknown>, { metadata }: Message): void {
  for (const attribute of traceAttributes) {
    const value = metadata[attribute];
    if (value === undefined || cloudEvent[attribute] !== undefined) continue;
    cloudEvent[attribute] = value;
    if (attribute === 'traceparent') cloudEvent['traceid'] = value;
  }
}
