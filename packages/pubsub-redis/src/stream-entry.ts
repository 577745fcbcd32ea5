import { ComponentError, type Message, type RequestMetadata } from '@outrigger/core';
import type { RedisReply } from '@outrigger/redis-client';

/** An entry of a stream as a consumer group hands it out. */
export interface StreamEntry {
  readonly id: string;
  /** `undefined` when the stream was trimmed past it: there is nothing left to deliver. */
  readonly message: Message | undefined;
  /** What it weighs in memory, roughly. */
  readonly bytes: number;
}

/** What an entry costs besides its fields, roughly. */
const overheadBytes = 512;

/** The fields of XADD, as Dapr writes them: `data`, and `metadata` as JSON where there is any. */
export function entryFields(data: Uint8Array, metadata: RequestMetadata): (string | Uint8Array)[] {
  const json = JSON.stringify(metadata);
  return json === '{}' ? ['data', data] : ['data', data, 'metadata', json];
}

/** The entries in a reply of XCLAIM, XAUTOCLAIM or, below its key, XREADGROUP. */
export function parseEntries(topic: string, reply: RedisReply | undefined): StreamEntry[] {
  const entries: StreamEntry[] = [];
  for (const entry of list(reply)) {
    if (entry === null) continue; // trimmed away; servers before 7.0 say so like this
    const [id, fields] = list(entry);
    const message = fields === null || fields === undefined ? undefined : list(fields);
    entries.push({
      id: text(id),
      message: message && parseFields(topic, message),
      bytes: (message ?? []).reduce<number>(
        (sum, part) => sum + (Buffer.isBuffer(part) ? part.byteLength : 0),
        overheadBytes,
      ),
    });
  }
  return entries;
}

function parseFields(topic: string, fields: readonly RedisReply[]): Message {
  let data: Uint8Array = new Uint8Array(0);
  let metadata: RequestMetadata = {};
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const value = fields[index + 1];
    if (!Buffer.isBuffer(value)) continue;
    const name = text(fields[index]);
    if (name === 'data') data = value;
    else if (name === 'metadata') metadata = parseMetadata(value);
  }
  return { topic, data, metadata };
}

// What another program wrote there must not keep its message from being delivered.
function parseMetadata(json: Buffer): RequestMetadata {
  try {
    const parsed: unknown = JSON.parse(json.toString());
    if (typeof parsed !== 'object' || parsed === null) return {};
    return Object.fromEntries(
      Object.entries(parsed).filter(([, value]) => typeof value === 'string'),
    ) as RequestMetadata;
  } catch {
    return {};
  }
}

export function list(reply: RedisReply | undefined): readonly RedisReply[] {
  if (reply === null || reply === undefined) return [];
  if (Array.isArray(reply)) return reply as readonly RedisReply[];
  throw new ComponentError('internal', 'the server answered a stream command in a form that is not understood');
}

export function text(reply: RedisReply | undefined): string {
  return Buffer.isBuffer(reply) ? reply.toString() : String(reply);
}
