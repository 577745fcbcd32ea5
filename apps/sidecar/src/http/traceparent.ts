import type { IncomingMessage } from 'node:http';

import { isTraceparent } from '@outrigger/runtime';

import { headerOf } from './headers.ts';

const none = '00-00000000000000000000000000000000-0000000000000000-00';

/** The caller's W3C `traceparent`, or `undefined` when there is none that is valid. */
export function callerTraceparent(request: IncomingMessage): string | undefined {
  return validTraceparent(headerOf(request, 'traceparent'));
}

/** The `traceparent` itself, or `undefined` for one that W3C's format does not know. */
export function validTraceparent(traceparent: string | undefined): string | undefined {
  return traceparent !== undefined && isTraceparent(traceparent) ? traceparent : undefined;
}

/** What a response carries while no tracing is configured: the caller's `traceparent`, or one of zeros. */
export function responseTraceparent(request: IncomingMessage): string {
  return callerTraceparent(request) ?? none;
}
