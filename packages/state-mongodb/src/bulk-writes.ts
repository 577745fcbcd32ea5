import { type BulkOutcome, ComponentError, type StateSetRequest } from '@outrigger/core';
import { MongoBulkWriteError, type WriteConcern } from 'mongodb';
import type { MongoConnection } from './mongo-connection.ts';
import { operationFailure } from './mongo-failure.ts';
import { exists, type ItemUpdate, updateOf } from './writes.ts';

/**
 * Writes all in one request; none has an etag, as the server would not say which of many matched nothing. What it does say of each
 * is an error.
 */
export async function writeMany(
  { collection, clock, address }: MongoConnection,
  requests: readonly StateSetRequest[],
  writeConcern: WriteConcern | undefined,
): Promise<BulkOutcome<void>[]> {
  const outcomes: BulkOutcome<void>[] = [];
  const sent: { readonly at: number; readonly updateOne: ItemUpdate }[] = [];
  for (const [at, request] of requests.entries()) {
    outcomes.push({ ok: true, value: undefined });
    try {
      sent.push({ at, updateOne: updateOf(request, clock) });
    } catch (error) {
      outcomes[at] = { ok: false, error };
    }
  }
  if (sent.length === 0) return outcomes;
  const failAll = (error: unknown) => {
    for (const { at } of sent) outcomes[at] = { ok: false, error };
  };
  try {
    await collection.bulkWrite(
      sent.map(({ updateOne }) => ({ updateOne })),
      { ordered: false, ...(writeConcern && { writeConcern }) },
    );
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    const unconfirmed = error.result.getWriteConcernError();
    const refused = [error.writeErrors].flat();
    if (unconfirmed) {
      failAll(
        new ComponentError('deadline-exceeded', `MongoDB at ${address} has a write that too few members confirmed`, {
          cause: error,
        }),
      );
    } else if (refused.length === 0) failAll(operationFailure(error, address));
    for (const { index, code, errmsg = '' } of refused) {
      const { at = -1 } = sent[index] ?? {};
      const { key = '', concurrency } = requests[at] ?? {};
      if (at < 0) continue;
      const isTaken = code === 11000 && concurrency === 'first-write';
      const failure = new ComponentError(
        code === 112 ? 'unavailable' : 'internal',
        `MongoDB at ${address} answered "${errmsg}"`,
      );
      outcomes[at] = { ok: false, error: isTaken ? exists(key) : failure };
    }
  }
  return outcomes;
}
