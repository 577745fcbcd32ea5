import type { RequestMetadata } from '@outrigger/core';

import type { TraceContext } from '../tracing.ts';
import type { HeaderMap } from './app-channel.ts';

/** What concerns one connection only and is never passed on (RFC 9110, 7.6.1, and what Dapr adds to it). */
export const hopByHop: readonly string[] = [
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** What a broker's metadata must not set on a request of ours. */
const reserved: ReadonlySet<string> = new Set([
  ...hopByHop,
  'content-length',
  'content-type',
  'dapr-api-token',
  'expect',
  'host',
  'user-agent',
]);

/** The `traceparent` of a call that belongs to no trace, as Dapr sends it. */
const noTrace = '00-00000000000000000000000000000000-0000000000000000-00';

/** What must not stand behind a body (RFC 9110, 6.5.1): framing, routing, credentials, and what the body is. */
const notTrailers: ReadonlySet<string> = new Set([
  ...hopByHop,
  'authorization',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'host',
  'set-cookie',
]);

/** An app's trailers without those that nobody may send as such. */
export function allowedTrailers(trailers: HeaderMap): HeaderMap {
  return Object.fromEntries(Object.entries(trailers).filter(([name]) => !notTrailers.has(name)));
}

export type MutableHeaders = Record<string, string | string[]>;

/** A broker's metadata as headers: names that HTTP does not allow are left out, characters that it does not allow are escaped. */
export function addMetadataHeaders(headers: MutableHeaders, metadata: RequestMetadata): void {
  for (const name in metadata) {
    const lower = name.toLowerCase();
    if (reserved.has(lower) || !/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower)) continue;
    headers[lower] = headerValue(metadata[name] ?? '');
  }
}

/** The trace that a call belongs to, in place of what a broker's metadata says; without one only a missing one is filled in. */
export function addTraceHeaders(headers: MutableHeaders, trace: TraceContext | undefined): void {
  if (trace === undefined) {
    headers['traceparent'] ??= noTrace;
    return;
  }
  headers['traceparent'] = trace.traceparent;
  if (trace.tracestate === '') delete headers['tracestate'];
  else headers['tracestate'] = headerValue(trace.tracestate);
}

/** Control characters and whatever lies beyond ASCII become percent escapes of their UTF-8. */
export function headerValue(value: string): string {
  return /^[\t\x20-\x7e]*$/.test(value)
    ? value
    : value.toWellFormed().replaceAll(/[^\t\x20-\x7e]/gu, encodeURIComponent);
}

/**
 * gRPC metadata as HTTP headers, in Dapr's way: names that are gRPC's own get `dapr-` in front, values that are bytes are left
 * out. A body that is a protobuf message by its type is `application/x-protobuf`.
 */
export function httpHeadersOf(metadata: HeaderMap, dataTypeUrl: string = ''): HeaderMap {
  const headers: Record<string, string | readonly string[]> = {};
  for (const name in metadata) {
    const value = metadata[name];
    if (value === undefined || name.endsWith('-bin')) continue;
    headers[name.startsWith('grpc-') ? `dapr-${name}` : name] = value;
  }
  if (dataTypeUrl !== '') headers['content-type'] = 'application/x-protobuf';
  return headers;
}

/** A path, with or without a query, that can stand in a request line. */
export function requestTarget(path: string): string {
  const absolute = path.startsWith('/') ? path : `/${path}`;
  return /^[\x21-\x7e]*$/.test(absolute)
    ? absolute
    : absolute.toWellFormed().replaceAll(/[^\x21-\x7e]/gu, encodeURIComponent);
}
