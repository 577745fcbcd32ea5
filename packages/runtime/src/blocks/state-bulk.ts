import { type BulkOutcome, ComponentError, type Policy } from '@outrigger/core';

import { isEtagFailure } from './state-errors.ts';

/** Turns a call's settlement into an outcome. */
function outcomeOf<T>(promise: Promise<T>): Promise<BulkOutcome<T>> {
  return promise.then(
    (value) => ({ ok: true, value }),
    (error: unknown) => ({ ok: false, error }),
  );
}

/** Calls `run` for each of `inputs`, at most `parallelism` at a time (0 or less: all at once). Outcomes in the inputs' order. */
export async function runAll<I, T>(
  inputs: readonly I[],
  run: (input: I) => Promise<T>,
  parallelism = 0,
): Promise<BulkOutcome<T>[]> {
  if (parallelism <= 0 || parallelism >= inputs.length)
    return Promise.all(inputs.map((input) => outcomeOf(run(input))));
  const outcomes: BulkOutcome<T>[] = [];
  const queue = inputs.entries();
  const worker = async () => {
    for (const [index, input] of queue) outcomes[index] = await outcomeOf(run(input));
  };
  await Promise.all(Array.from({ length: parallelism }, worker));
  return outcomes;
}

/** Which error stands for a failed attempt: one that a retry may mend, so that the policy tries again. */
function telling(errors: readonly unknown[]): unknown {
  return errors.find((error) => !ComponentError.is(error) || error.retryable) ?? errors[0];
}

/**
 * A bulk write under a policy. A retry sends only the entries that failed, and never those whose etag did not match.
 * Resolves to the failures that are left; empty when all entries were taken.
 */
export async function writeAll<R>(
  requests: readonly R[],
  write: (requests: readonly R[], signal: AbortSignal) => Promise<BulkOutcome<void>[]>,
  policy: Policy | undefined,
  signal: AbortSignal,
): Promise<unknown[]> {
  const final: unknown[] = [];
  let pending = requests;
  let failures: unknown[] = [];
  let attempts = 0;
  const attempt = async (attemptSignal: AbortSignal): Promise<void> => {
    const sent = pending;
    const number = ++attempts;
    const outcomes = await write(sent, attemptSignal);
    // An attempt that ran out of time may still end, while the next one is under way: its outcomes no longer count.
    if (number !== attempts) return;
    failures = [];
    const again: R[] = [];
    for (const [index, request] of sent.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined || outcome.ok) continue;
      if (isEtagFailure(outcome.error)) {
        final.push(outcome.error);
      } else {
        failures.push(outcome.error);
        again.push(request);
      }
    }
    pending = again;
    if (failures.length > 0) throw telling(failures);
  };
  try {
    await (policy === undefined ? attempt(signal) : policy.execute(attempt, signal));
    return final;
  } catch (error) {
    return [...final, ...(failures.includes(error) ? failures : [error])];
  }
}
