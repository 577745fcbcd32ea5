import { ApiError, type GrpcStatusName } from '@outrigger/runtime';

import { type ApiAccess, isMethodAllowed } from '../http/api-access.ts';
import { apiTokenHeader, tokenComparison } from '../http/api-token.ts';
import type { GrpcServerOptions } from '@outrigger/grpc/server';
import type { CallContext, MethodApi } from '@outrigger/grpc';
import { callerTrace } from './trace.ts';
import { traceBin } from './trace-bin.ts';

export interface AdmissionOptions {
  /** Every call must carry it. Empty or absent: none. */
  readonly apiToken?: string | undefined;
  /** Configuration's `spec.api`. Calls of services that are not ours are always let through to the apps. */
  readonly access: ApiAccess;
}

/**
 * Who may call what of the public API. A call that may go on is answered with the caller's trace context, in its binary form, as Dapr
 * does.
 */
export function admission({ apiToken, access }: AdmissionOptions): NonNullable<GrpcServerOptions['admit']> {
  const hasToken = apiToken ? tokenComparison(apiToken) : undefined;
  const verdicts = new Map<MethodApi, boolean>();
  const isAllowed = (api: MethodApi): boolean => {
    let verdict = verdicts.get(api);
    if (verdict === undefined) verdicts.set(api, (verdict = isMethodAllowed(api, access)));
    return verdict;
  };
  const hasRules = access.allowed.length > 0 || access.denied.length > 0;
  return (path, context, api) => {
    if (hasRules && api !== undefined && !isAllowed(api)) {
      throw refusal('UNIMPLEMENTED', 501, 'Not Implemented', 'requested endpoint is not available');
    }
    if (hasToken !== undefined) checkToken(context, hasToken);
    answerTrace(context);
  };
}

function checkToken(context: CallContext, hasToken: (given: string) => boolean): void {
  const given = context.metadata(apiTokenHeader);
  if (given === undefined) throw unauthenticated('missing api token in request metadata');
  if (!hasToken(given)) throw unauthenticated('authentication error: api token mismatch');
}

function answerTrace(context: CallContext): void {
  const { traceparent } = callerTrace(context);
  if (traceparent === '') return;
  const binary = traceBin(traceparent);
  if (binary !== undefined) context.sendHeaders({ 'grpc-trace-bin': binary });
}

function unauthenticated(message: string): ApiError {
  return refusal('UNAUTHENTICATED', 401, 'Unauthorized', message);
}

/** With the details that Dapr gives; its message is only the status text. */
function refusal(grpcStatus: GrpcStatusName, httpStatus: number, reason: string, message: string): ApiError {
  const metadata = { 'http.code': String(httpStatus), 'http.error_message': message };
  const type = 'type.googleapis.com/google.rpc.ErrorInfo';
  const grpcDetails = [{ '@type': type, reason, domain: 'dapr.io', metadata }] as const;
  return new ApiError(message, { errorCode: 'ERROR', httpStatus, grpcStatus, grpcDetails });
}
