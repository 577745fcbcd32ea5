import { isUtf8 } from 'node:buffer';
import type { StateItem } from '@outrigger/core';

/** A value as it stands in the table: text as it is, anything else in base64. */
export interface StoredValue {
  readonly text: Uint8Array | string;
  readonly isBinary: 0 | 1;
}

/** What Dapr stores as text (JSON) we store as text. A zero byte would end a text for many tools, so it counts as binary. */
export function storedValue(value: Uint8Array): StoredValue {
  if (isUtf8(value) && !value.includes(0)) return { text: value, isBinary: 0 };
  return { text: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64'), isBinary: 1 };
}

/** The item in a row of `value` (as bytes), `is_binary`, `etag` and `expiration_time`. */
export function itemOf(row: Readonly<Record<string, unknown>>): StateItem {
  const { value, is_binary: isBinary, etag, expiration_time: expiration } = row;
  const bytes = value as Uint8Array;
  const item = {
    value:
      isBinary === 0
        ? bytes
        : Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'), 'base64'),
    etag: String(etag),
  };
  return typeof expiration === 'string' ? { ...item, expiresAt: parseTime(expiration) } : item;
}

/**
 * When an item with this time to live ends, in the form of SQLite's CURRENT_TIMESTAMP, which knows whole seconds: rounded up, so
 * that it never ends early. `null` for one that never ends.
 */
export function expirationTime(ttlInSeconds: number | undefined): string | null {
  if (ttlInSeconds === undefined || ttlInSeconds <= 0) return null;
  const seconds = Math.ceil(Date.now() / 1000 + ttlInSeconds);
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
}

// Times without a zone are UTC.
function parseTime(text: string): Date {
  const iso = text.replace(' ', 'T');
  return new Date(/(Z|[+-]\d\d:?\d\d)$/i.test(iso) ? iso : `${iso}Z`);
}
