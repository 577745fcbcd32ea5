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

const noAnswer = new ComponentError('internal', 'the store gave no answer for this key');

/** Which error stands for a failed attempt: one that a retry may mend, so that the policy tries again. */
function telling(errors: readonly unknown[]): unknown {
  return errors.find((error) => !ComponentError.is(error) || error.retryable) ?? errors[0];
}

/**
 * Many requests under a policy. A retry sends only those that failed, and never those whose etag did not match. Resolves to as
 * many outcomes as requests, in their order; also when the call fails as a whole: then each request still under way has its error.
 */
export async function runUnder<R, T>(
  requests: readonly R[],
  run: (requests: readonly R[], signal: AbortSignal) => Promise<BulkOutcome<T>[]>,
  policy: Policy | undefined,
  signal: AbortSignal,
): Promise<BulkOutcome<T>[]> {
  const outcomes = requests.map((): BulkOutcome<T> => ({ ok: false, error: noAnswer }));
  let pending: readonly number[] = [...requests.keys()];
  let failures: unknown[] = [];
  let attempts = 0;
  const attempt = async (attemptSignal: AbortSignal): Promise<void> => {
    const number = ++attempts;
    const sent = pending;
    const answers = await run(
      sent.map((index) => requests[index] as R),
      attemptSignal,
    );
    // An attempt that ran out of time may still end, while the next one is under way: its outcomes no longer count.
    if (number !== attempts) return;
    failures = [];
    const again: number[] = [];
    for (const [at, index] of sent.entries()) {
      const outcome = answers[at] ?? { ok: false, error: noAnswer };
      outcomes[index] = outcome;
      if (outcome.ok || isEtagFailure(outcome.error)) continue;
      failures.push(outcome.error);
      again.push(index);
    }
    pending = again;
    if (failures.length > 0) throw telling(failures);
  };
  try {
    await (policy === undefined ? attempt(signal) : policy.execute(attempt, signal));
  } catch (error) {
    // not one of the entries' own: the call failed as a whole, was not made, or ran out of time
    if (!failures.includes(error)) for (const index of pending) outcomes[index] = { ok: false, error };
  }
  attempts++;
  return outcomes;
}

/** The errors among outcomes, each once. */
export function failuresOf(outcomes: readonly BulkOutcome<unknown>[]): unknown[] {
  return [...new Set(outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.error])))];
}
