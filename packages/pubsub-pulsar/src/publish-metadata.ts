import { ComponentError, parseDuration, type RequestMetadata } from '@outrigger/core';
import type { OutgoingMessage } from './transport.ts';

const steering: ReadonlySet<string> = new Set(['partitionKey', 'deliverAt', 'deliverAfter']);
const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/** `partitionKey`, `deliverAt` and `deliverAfter` steer the message; all else travels with it as its properties. */
export function outgoingMessage(data: Uint8Array, metadata: RequestMetadata): OutgoingMessage {
  const properties: Record<string, string> = {};
  let key: string | undefined;
  let deliverAt: number | undefined;
  let deliverAfterMs: number | undefined;
  for (const [name, value] of Object.entries(metadata)) {
    if (!steering.has(name)) properties[name] = value;
    else if (value === '') continue;
    else if (name === 'partitionKey') key = value;
    else if (name === 'deliverAt') deliverAt = parseTime(value);
    else deliverAfterMs = parseDelay(value);
  }
  return {
    data,
    properties,
    ...(key !== undefined && { key }),
    ...(deliverAt !== undefined && { deliverAt }),
    ...(deliverAfterMs !== undefined && { deliverAfterMs }),
  };
}

function parseTime(text: string): number {
  const time = timestamp.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new ComponentError(
    'invalid-argument',
    'metadata deliverAt must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z',
  );
}

function parseDelay(text: string): number {
  // a bare number has no unit and is none of Go's durations
  const delay = /^[+-]?[\d.]+$/.test(text.trim()) && Number(text) !== 0 ? undefined : parseDuration(text);
  if (delay !== undefined) return Math.max(0, Math.round(delay));
  throw new ComponentError('invalid-argument', 'metadata deliverAfter must be a duration, such as "30s" or "1m30s"');
}
