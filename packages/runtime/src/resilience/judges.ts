import { judgeError, type Verdict } from '@outrigger/core';

import type { CodeRanges } from '../resources/resiliency-resource.ts';
import type { CallOutcome } from './policies.ts';
import type { NamedRetry } from './policy-set.ts';

/** An HTTP status fails outside 2xx and 3xx, a gRPC code other than 0; `matching` says which failures are tried again. */
export function statusJudge(named: NamedRetry | undefined): (status: number | undefined) => Verdict {
  return (status) => {
    if (status === undefined) return 'success';
    const isHttp = status >= 100;
    if (isHttp ? status < 400 : status === 0) return 'success';
    const ranges = isHttp ? named?.httpStatusCodes : named?.grpcStatusCodes;
    return ranges === undefined || inRanges(status, ranges) ? 'retryable' : 'failure';
  };
}

export function errorJudge<R>(
  { statusOfError }: CallOutcome<R>,
  judgeStatus: (status: number) => Verdict,
): (error: unknown) => Verdict {
  if (statusOfError === undefined) return judgeError;
  return (error) => {
    const status = statusOfError(error);
    return status === undefined ? judgeError(error) : judgeStatus(status);
  };
}

function inRanges(code: number, ranges: CodeRanges): boolean {
  return ranges.some(([from, to]) => code >= from && code <= to);
}
