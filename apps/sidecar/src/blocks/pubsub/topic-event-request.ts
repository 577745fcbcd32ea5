import type { TopicEventCERequest, TopicEventRequest } from '@outrigger/protocol/runtime';
import type { CloudEvent, TopicEvent } from '@outrigger/runtime';

import { JsonText } from '../../http/json-text.ts';

/** Those that have fields of their own; all others are extensions. */
const ownFields: ReadonlySet<string> = new Set([
  'id',
  'source',
  'type',
  'specversion',
  'datacontenttype',
  'data',
  'data_base64',
]);

/** An event as gRPC apps and streaming subscribers get it. Throws when its data cannot be told in this form. */
export function topicEventRequest({ cloudEvent, body, topic, pubsubName, path }: TopicEvent): TopicEventRequest {
  return { ...cloudEventRequest(cloudEvent, body), topic, pubsubName, path };
}

/**
 * An envelope taken apart. JSON data keeps the bytes it came as.
 *
 * @param json the envelope as it came from the broker; in binary mode the data itself
 */
export function cloudEventRequest(cloudEvent: CloudEvent, json: Uint8Array): TopicEventCERequest {
  const dataContentType = text(cloudEvent, 'datacontenttype');
  return {
    id: text(cloudEvent, 'id'),
    source: text(cloudEvent, 'source'),
    type: text(cloudEvent, 'type'),
    specVersion: text(cloudEvent, 'specversion'),
    dataContentType,
    data: dataOf(cloudEvent, dataContentType, json),
    extensions: Object.fromEntries(Object.entries(cloudEvent).filter(([name]) => !ownFields.has(name))),
  };
}

function text(cloudEvent: CloudEvent, attribute: string): string {
  const value = cloudEvent[attribute];
  return typeof value === 'string' ? value : '';
}

function dataOf(cloudEvent: CloudEvent, contentType: string, json: Uint8Array): Buffer {
  const { data_base64: base64, data } = cloudEvent;
  if (base64 !== undefined && base64 !== null) {
    if (typeof base64 !== 'string') throw unexpected('data_base64 is not a string');
    return Buffer.from(base64, 'base64');
  }
  if (data === undefined || data === null) return Buffer.alloc(0);
  // in binary mode
  if (data instanceof Uint8Array) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const isText = type.startsWith('text/') || type === 'application/xml';
  if (isText && typeof data !== 'string') throw unexpected(`data of type ${contentType} is not a string`);
  const isJson = type === 'application/json' || type === 'application/cloudevents+json';
  // Other types travel as a string, unless the publisher's envelope has JSON there.
  if (typeof data === 'string' && !isJson) return Buffer.from(data);
  return jsonData(data, json);
}

function jsonData(data: unknown, json: Uint8Array): Buffer {
  const envelope = new JsonText(json);
  const span = envelope.memberExactly(envelope.root, 'data');
  if (span === undefined) return Buffer.from(JSON.stringify(data));
  return Buffer.from(json.buffer, json.byteOffset + span.start, span.end - span.start);
}

function unexpected(what: string): Error {
  return new Error(`unexpected data type encountered in envelope: ${what}`);
}
