import type { RequestMetadata } from '@outrigger/core';

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
export const noTrace = '00-00000000000000000000000000000000-0000000000000000-00';

export type MutableHeaders = Record<string, string | string[]>;

/** A broker's metadata as headers: names that HTTP does not allow are left out, characters that it does not allow are escaped. */
export function addMetadataHeaders(headers: MutableHeaders, metadata: RequestMetadata): void {
  for (const name in metadata) {
    const lower = name.toLowerCase();
    if (reserved.has(lower) || !/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower)) continue;
    headers[lower] = headerValue(metadata[name] ?? '');
  }
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
