import type { RequestMetadata } from '@outrigger/core';
import type { HttpMetadata } from './fields.ts';

const json = 'application/json; charset=utf-8';

/** What belongs to the connection, or follows from the request itself: the caller has no say in it. */
const own: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The headers of a request, by lower-case name: defaults, then the security token, then metadata whose names begin with a
 * capital letter, then the trace.
 */
export function requestHeaders(
  metadata: RequestMetadata,
  { securityToken, securityTokenHeader }: Pick<HttpMetadata, 'securityToken' | 'securityTokenHeader'>,
  hasBody: boolean,
): Record<string, string> {
  const headers: Record<string, string> = { accept: json };
  if (hasBody) headers['content-type'] = json;
  if (securityToken !== undefined && securityTokenHeader !== undefined) {
    headers[securityTokenHeader.toLowerCase()] = securityToken;
  }
  for (const [name, value] of Object.entries(metadata)) {
    const lower = name.toLowerCase();
    if (/^[A-Z]/.test(name) && !own.has(lower)) headers[lower] = value;
  }
  for (const name of ['traceparent', 'tracestate', 'baggage']) {
    const value = metadata[name];
    if (value) headers[name] = value;
  }
  return headers;
}
