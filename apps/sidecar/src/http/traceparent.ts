import type { IncomingMessage } from 'node:http';

import { isTraceparent } from '@outrigger/runtime';

import { headerOf } from './headers.ts';

const noTrace = { traceparent: '', tracestate: '' };
const none = '00-00000000000000000000000000000000-0000000000000000-00';

/** The caller's W3C `traceparent`, or `undefined` when there is none that is valid. */
function callerTraceparent(request: IncomingMessage): string | undefined {
  return validTraceparent(headerOf(request, 'traceparent'));
}

/** The caller's W3C trace context, both empty when there is none that is valid. */
export function requestTrace(request: IncomingMessage): { readonly traceparent: string; readonly tracestate: string } {
  const traceparent = callerTraceparent(request);
  if (traceparent === undefined) return noTrace;
  return { traceparent, tracestate: headerOf(request, 'tracestate') ?? '' };
}

/** The `traceparent` itself, or `undefined` for one that W3C's format does not know. */
export function validTraceparent(traceparent: string | undefined): string | undefined {
  return traceparent !== undefined && isTraceparent(traceparent) ? traceparent : undefined;
}

/** What a response carries while no tracing is configured: the caller's `traceparent`, or one of zeros. */
export function responseTraceparent(request: IncomingMessage): string {
  return callerTraceparent(request) ?? none;
}
