import { ComponentError } from '../errors.ts';

/**
 * What the outcome of one attempt means.
 *
 * - `success`: the target did its job, also where its answer is an error the caller has to mend. Counted as a success, final.
 * - `retryable`: counted as a failure; tried again as long as the retry allows it.
 * - `failure`: counted as a failure, final.
 * - `ignored`: says nothing about the target; not counted, final.
 */
export type Verdict = 'success' | 'retryable' | 'failure' | 'ignored';

/**
 * How a policy judges errors unless told otherwise: each is worth a retry, but a {@link ComponentError} only where its code
 * says so. One that is not (`etag-mismatch`, `invalid-argument`, ...) is the answer of a healthy backend: a success.
 */
export function judgeError(error: unknown): Verdict {
  return ComponentError.is(error) && !error.retryable ? 'success' : 'retryable';
}
