import { randomUUID } from 'node:crypto';
import { ComponentError, type StateDeleteRequest, type StateSetRequest } from '@outrigger/core';
import type { Filter, UpdateFilter } from 'mongodb';
import { fieldsOf, type ItemDocument } from './document.ts';
import type { ServerClock } from './server-clock.ts';

/** One write, as the server takes it. */
export interface ItemUpdate {
  readonly filter: Filter<ItemDocument>;
  readonly update: UpdateFilter<ItemDocument>;
  readonly upsert: boolean;
}

/** What has not expired; documents that somebody wrote without `_ttl` are among it. The server removes the others in its own time. */
export function alive(now: Date): Filter<ItemDocument> {
  return { _ttl: { $not: { $lte: now } } };
}

/**
 * What writes the item. It fails with a duplicate key when a first write finds an item, and matches nothing when the etag is not
 * that of the item; see {@link changed}.
 */
export function updateOf(
  { key, value, etag, concurrency, ttlInSeconds }: StateSetRequest,
  clock: ServerClock,
): ItemUpdate {
  const fields = fieldsOf(key, value, randomUUID(), clock.expiresAt(ttlInSeconds));
  const update: UpdateFilter<ItemDocument> = {
    $set: fields,
    ...(!('_exact' in fields) && { $unset: { _exact: 1 } }),
  };
  if (etag !== undefined) return { filter: { _id: key, _etag: etag, ...alive(clock.now()) }, update, upsert: false };
  // only one that has expired may be written over; any other is met as a duplicate by the insert
  if (concurrency === 'first-write') return { filter: { _id: key, _ttl: { $lte: clock.now() } }, update, upsert: true };
  return { filter: { _id: key }, update, upsert: true };
}

/** What deletes the item. It deletes nothing when the etag is not that of the item. */
export function deletionOf({ key, etag }: StateDeleteRequest, clock: ServerClock): Filter<ItemDocument> {
  return etag === undefined ? { _id: key } : { _id: key, _etag: etag, ...alive(clock.now()) };
}

export function changed(key: string): ComponentError {
  return new ComponentError(
    'etag-mismatch',
    `the item "${key}" is not there, or not as it was when its etag was given`,
  );
}

export function exists(key: string): ComponentError {
  return new ComponentError('etag-mismatch', `the item "${key}" exists already`);
}
