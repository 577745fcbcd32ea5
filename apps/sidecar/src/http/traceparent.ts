import type { IncomingMessage } from 'node:http';

import { headerOf } from './headers.ts';

const none = '00-00000000000000000000000000000000-0000000000000000-00';
const valid = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The caller's W3C `traceparent`, or `undefined` when there is none that is valid. */
export function callerTraceparent(request: IncomingMessage): string | undefined {
  const value = headerOf(request, 'traceparent');
  return value !== undefined && valid.test(value) ? value : undefined;
}

/** What a response carries while no tracing is configured: the caller's `traceparent`, or one of zeros. */
export function responseTraceparent(request: IncomingMessage): string {
  return callerTraceparent(request) ?? none;
}
