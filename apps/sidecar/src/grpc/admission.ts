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
  /** Configuration's `spec.api`, asked with each call. Calls of services that are not ours are always let through to the apps. */
  readonly access: () => ApiAccess;
}

/**
 * Who may call what of the public API. A call that may go on is answered with the caller's trace context, in its binary form, as Dapr
 * does.
 */
export function admission({ apiToken, access }: AdmissionOptions): NonNullable<GrpcServerOptions['admit']> {
  const hasToken = apiToken ? tokenComparison(apiToken) : undefined;
  let known: Verdicts | undefined;
  return (path, context, api) => {
    const now = access();
    if (known?.access !== now) known = new Verdicts(now);
    if (api !== undefined && !known.isAllowed(api)) {
      throw refusal('UNIMPLEMENTED', 501, 'Not Implemented', 'requested endpoint is not available');
    }
    if (hasToken !== undefined) checkToken(context, hasToken);
    answerTrace(context);
  };
}

/** What the rules say of each group of methods, once it was asked for. */
class Verdicts {
  readonly access: ApiAccess;
  readonly #hasRules: boolean;
  readonly #byApi = new Map<MethodApi, boolean>();

  constructor(access: ApiAccess) {
    this.access = access;
    this.#hasRules = access.allowed.length > 0 || access.denied.length > 0;
  }

  isAllowed(api: MethodApi): boolean {
    if (!this.#hasRules) return true;
    let verdict = this.#byApi.get(api);
    if (verdict === undefined) this.#byApi.set(api, (verdict = isMethodAllowed(api, this.access)));
    return verdict;
  }
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
