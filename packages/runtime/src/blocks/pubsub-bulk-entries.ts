import type { RequestMetadata } from '@outrigger/core';

import { isBinaryType, isCloudEventType, isJsonType, isTextType } from './cloud-event.ts';
import { textOf } from './cloud-event-envelope.ts';
import { jsonItems, jsonMembers } from './cloud-event-json.ts';
import type { BulkPublishEvent } from './pubsub.ts';

type BulkEntry = BulkPublishEvent['entries'][number];

/** An event that does not fit its content type. */
export class EventMismatch extends Error {}

/**
 * Reads the body of a bulk publish request: `[{entryId, event, contentType, metadata?}]`, names in any case. An event of a JSON
 * type keeps its bytes, one of a text type must be a string, and one of a binary type base64. Throws SyntaxError or TypeError
 * for a body that is something else, {@link EventMismatch} for an event.
 */
export function parseBulkEntries(body: Uint8Array): BulkEntry[] {
  const text = textOf(body);
  const values: unknown = JSON.parse(text);
  if (values === null) return [];
  if (!Array.isArray(values)) throw new TypeError('the body must be a JSON array of entries');
  const raw = jsonItems(text);
  return values.map((value: unknown, index) => {
    if (typeof value !== 'object' || value === null) throw new TypeError(`entry ${index} is not a JSON object`);
    return parseEntry(raw[index] ?? '', index);
  });
}

function parseEntry(text: string, index: number): BulkEntry {
  const members = new Map([...jsonMembers(text)].map(([name, value]) => [name.toLowerCase(), value]));
  const contentType = stringMember(members, 'contenttype', index);
  const metadata = metadataMember(members.get('metadata'), index);
  return {
    entryId: stringMember(members, 'entryid', index),
    contentType,
    data: eventBytes(members.get('event') ?? 'null', contentType),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

function stringMember(members: ReadonlyMap<string, string>, name: string, index: number): string {
  const value: unknown = JSON.parse(members.get(name) ?? 'null');
  if (value === null) return '';
  if (typeof value !== 'string') throw new TypeError(`${name} of entry ${index} is not a string`);
  return value;
}

function metadataMember(text: string | undefined, index: number): RequestMetadata | undefined {
  const metadata: unknown = JSON.parse(text ?? 'null');
  if (metadata === null) return undefined;
  const texts = typeof metadata === 'object' && Object.values(metadata).every((value) => typeof value === 'string');
  if (!texts) throw new TypeError(`metadata of entry ${index} is not an object of strings`);
  return metadata as RequestMetadata;
}

function eventBytes(event: string, contentType: string): Uint8Array {
  if (isJsonType(contentType) || isCloudEventType(contentType)) return Buffer.from(event);
  const value: unknown = JSON.parse(event);
  const binary = isBinaryType(contentType);
  if (typeof value !== 'string' || !(binary || isTextType(contentType))) {
    throw new EventMismatch('error: mismatch between contentType and event');
  }
  if (!binary) return Buffer.from(value);
  if (!isBase64(value)) {
    throw new EventMismatch('error: unable to decode base64 application/octet-stream data');
  }
  return Buffer.from(value, 'base64');
}

/** Looks for what is wrong, in one pass: an expression for the whole text backtracks, and runs out of stack on a long one. */
function isBase64(text: string): boolean {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return text.length % 4 === 0 && !/[^A-Za-z\d+/]/.test(text.slice(0, text.length - padding));
}
