import { ComponentError, type Message, type RequestMetadata } from '@outrigger/core';
import type { IncomingRecord, OutgoingRecord } from './kafka-client.ts';

export interface RecordSettings {
  /** Header values and keys that reach the app are URL-encoded. */
  readonly escapeHeaders: boolean;
  /** Metadata that becomes no header, and headers that become no metadata. */
  readonly excludedHeaders: RegExp | undefined;
}

/** `null` as JSON is a tombstone, both ways, as in Dapr. */
const jsonNull = Buffer.from('null');

/** What the metadata of a publish comes to. The names are looked up as they are written; all of it becomes headers, as in Dapr. */
export interface RecordPlan {
  readonly key: Buffer | undefined;
  readonly headers: ReadonlyMap<string, string>;
  /** As asked for with `partitionNumber`. */
  readonly partition: number | undefined;
}

export function planRecord(metadata: RequestMetadata, { excludedHeaders }: RecordSettings): RecordPlan {
  let key: string | undefined;
  let partition: number | undefined;
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(metadata)) {
    if (name === 'partitionKey' || name === '__key') key = value;
    else if (name === 'partitionNumber') partition = parsePartition(value);
    else if (name === 'valueSchemaType') refuseSchema(value);
    if (!excludedHeaders?.test(name)) headers.set(name, value);
  }
  return { key: key === undefined ? undefined : Buffer.from(key), headers, partition };
}

export function toRecord(data: Uint8Array, plan: RecordPlan, partition: number): OutgoingRecord {
  const value = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return { key: plan.key, headers: plan.headers, partition, value: value.equals(jsonNull) ? undefined : value };
}

function parsePartition(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new ComponentError('invalid-argument', 'metadata.partitionNumber: expected a whole number from 0 on');
}

/** Of a publish or a subscription: Avro needs a schema registry, which this component does not speak to. */
export function refuseSchema(type: string): void {
  if (type.toLowerCase() === 'none' || type === '') return;
  throw new ComponentError(
    'unsupported',
    'metadata.valueSchemaType: schemas are not supported by this component: leave it out, and encode the data in the app',
  );
}

/** The partition for a key, the one that Dapr chooses: both may publish to one topic. */
export function partitionOfKey(key: Uint8Array, partitions: number): number {
  let hash = 0x811c9dc5; // FNV-1a, 32 bits
  for (const byte of key) hash = Math.imul(hash ^ byte, 0x01000193);
  return Math.abs((hash | 0) % partitions);
}

export function toMessage(topic: string, partition: number, record: IncomingRecord, settings: RecordSettings): Message {
  const { escapeHeaders, excludedHeaders } = settings;
  const text = escapeHeaders ? (value: Buffer) => queryEscape(value) : (value: Buffer) => value.toString();
  const metadata: Record<string, string> = {};
  if (record.key) metadata['__key'] = text(record.key);
  metadata['__topic'] = topic;
  metadata['__partition'] = String(partition);
  metadata['__offset'] = String(record.offset);
  metadata['__timestamp'] = String(record.timestamp);
  for (const [name, value] of record.headers) if (!excludedHeaders?.test(name)) metadata[name] = text(value);
  return { topic, data: record.value ?? jsonNull, metadata };
}

/** As Go's `url.QueryEscape`. */
function queryEscape(value: Buffer): string {
  let text = '';
  for (const byte of value) {
    const char = String.fromCharCode(byte);
    if (/[A-Za-z0-9_.~-]/.test(char)) text += char;
    else text += char === ' ' ? '+' : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}
