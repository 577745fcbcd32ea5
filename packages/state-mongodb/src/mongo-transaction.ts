import { setTimeout as delay } from 'node:timers/promises';
import type { StateOperation } from '@outrigger/core';
import type { ClientSession } from 'mongodb';
import type { MongoConnection } from './mongo-connection.ts';
import { isConflict, isDuplicateKey } from './mongo-failure.ts';
import { changed, deletionOf, exists, updateOf } from './writes.ts';

/**
 * All operations or none, as a majority of the members has them. One that the server has dropped because of a conflict with another
 * is made again; nothing else is: after a lost connection it may be done.
 */
export async function transact(connection: MongoConnection, operations: readonly StateOperation[], signal: AbortSignal): Promise<void> {
  await retryingConflicts(async () => {
    const session = connection.client.startSession({ causalConsistency: false });
    try {
      session.startTransaction({ readConcern: 'snapshot', writeConcern: { w: 'majority', journal: true } });
      for (const operation of operations) {
        signal.throwIfAborted();
        await apply(connection, operation, session);
      }
      signal.throwIfAborted();
      await session.commitTransaction();
    } finally {
      // aborts what was not committed; the server drops it in any case when it hears no more
      await session.endSession().catch(() => {});
    }
  }, signal);
}

async function apply({ collection, clock }: MongoConnection, operation: StateOperation, session: ClientSession): Promise<void> {
  const { key, etag } = operation;
  if (operation.operation === 'delete') {
    const { deletedCount } = await collection.deleteOne(deletionOf(operation, clock), { session });
    if (etag !== undefined && deletedCount === 0) throw changed(key);
    return;
  }
  const { filter, update, upsert } = updateOf(operation, clock);
  try {
    const { matchedCount } = await collection.updateOne(filter, update, { upsert, session });
    if (!upsert && matchedCount === 0) throw changed(key);
  } catch (error) {
    throw isDuplicateKey(error) && operation.concurrency === 'first-write' ? exists(key) : error;
  }
}

/** Makes a write again, until the signal aborts, as long as the server says that it has dropped it for another one. */
export async function retryingConflicts<T>(write: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let wait = 1; ; wait = Math.min(2 * wait, 50)) {
    try {
      return await write();
    } catch (error) {
      if (!isConflict(error) || signal.aborted) throw error;
      await delay(wait * (0.5 + Math.random()), undefined, { signal });
    }
  }
}
