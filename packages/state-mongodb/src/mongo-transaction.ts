import { setTimeout as delay } from 'node:timers/promises';
import type { StateOperation } from '@outrigger/core';
import { type AnyBulkWriteOperation, type ClientSession, MongoBulkWriteError } from 'mongodb';
import type { ItemDocument } from './document.ts';
import type { MongoConnection } from './mongo-connection.ts';
import { isConflict, isDuplicateKey } from './mongo-failure.ts';
import { changed, deletionOf, exists, updateOf } from './writes.ts';

/**
 * All operations or none, as a majority of the members has them. One that the server has dropped because of a conflict with another
 * is made again; nothing else is: after a lost connection it may be done.
 */
export async function transact(
  connection: MongoConnection,
  operations: readonly StateOperation[],
  signal: AbortSignal,
): Promise<void> {
  const steps = stepsOf(operations);
  await retryingConflicts(async () => {
    const session = connection.client.startSession({ causalConsistency: false });
    try {
      session.startTransaction({ readConcern: 'snapshot', writeConcern: { w: 'majority', journal: true } });
      for (const step of steps) {
        signal.throwIfAborted();
        await apply(connection, step, session);
      }
      signal.throwIfAborted();
      await session.commitTransaction();
    } finally {
      // aborts what was not committed; where that fails the server drops it in its own time
      await session.endSession().catch(() => {});
    }
  }, signal);
}

/** Neighbours without an etag go in one request; one with an etag goes alone, as only then the server says what became of it. */
function stepsOf(operations: readonly StateOperation[]): StateOperation[][] {
  const steps: StateOperation[][] = [];
  let open: StateOperation[] | undefined;
  for (const operation of operations) {
    const isPlain = operation.etag === undefined;
    if (isPlain && open) open.push(operation);
    else steps.push((open = [operation]));
    if (!isPlain) open = undefined;
  }
  return steps;
}

async function apply(
  { collection, clock }: MongoConnection,
  step: readonly StateOperation[],
  session: ClientSession,
): Promise<void> {
  const writes = step.map((operation): AnyBulkWriteOperation<ItemDocument> =>
    operation.operation === 'delete'
      ? { deleteOne: { filter: deletionOf(operation, clock) } }
      : { updateOne: updateOf(operation, clock) },
  );
  try {
    const { matchedCount, deletedCount } = await collection.bulkWrite(writes, { session });
    const [first] = step;
    if (first?.etag !== undefined && matchedCount + deletedCount === 0) throw changed(first.key);
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    const at = error instanceof MongoBulkWriteError ? [error.writeErrors].flat()[0]?.index : undefined;
    const operation = step[at ?? 0];
    throw operation?.operation === 'set' && operation.concurrency === 'first-write' ? exists(operation.key) : error;
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
