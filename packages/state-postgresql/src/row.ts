import { ComponentError, type StateItem, type StateSetRequest } from '@outrigger/core';
import { maxValueBytes } from './statements.ts';

/** The item in a row of key, value, etag and end (in milliseconds since 1970). */
export function itemOf(row: readonly unknown[]): StateItem {
  const [key, value, etag, end] = row;
  if (!Buffer.isBuffer(value)) {
    throw new ComponentError(
      'unsupported',
      `the value of "${String(key)}" is over the ${maxValueBytes} bytes that can be read`,
    );
  }
  const item = { value, etag: String(etag) };
  return typeof end === 'number' ? { ...item, expiresAt: new Date(end) } : item;
}

/** Texts of PostgreSQL hold no NUL, and UTF-8 no half of a surrogate pair, which would become another key. */
export function checkKey(key: string): void {
  if (key.includes('\0')) {
    throw new ComponentError(
      'invalid-argument',
      `the key ${JSON.stringify(key)} has a NUL character, which PostgreSQL cannot store`,
    );
  }
  if (!key.isWellFormed()) {
    throw new ComponentError('invalid-argument', `the key ${JSON.stringify(key)} is not valid Unicode`);
  }
}

export function checkValue(key: string, { byteLength }: Uint8Array): void {
  if (byteLength <= maxValueBytes) return;
  const message = `the value of "${key}" has ${byteLength} bytes; the PostgreSQL state store takes at most ${maxValueBytes}`;
  throw new ComponentError('invalid-argument', message);
}

/** Whether this store can have given it; another text cannot even be compared by the server. */
export function isEtag(etag: string): boolean {
  return /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i.test(etag);
}

export function mismatch({ key, etag }: Pick<StateSetRequest, 'key' | 'etag'>): ComponentError {
  const what = etag === undefined ? 'exists already' : 'is not the one that the etag belongs to';
  return new ComponentError('etag-mismatch', `the item "${key}" ${what}`);
}
