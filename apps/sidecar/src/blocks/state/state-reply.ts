import { isUtf8 } from 'node:buffer';

import type { StateItem, StateQueryResult } from '@outrigger/core';
import type { BulkStateItem } from '@outrigger/runtime';

/** RFC 3339 in UTC, in whole seconds, as Dapr's stores tell times. */
export function rfc3339(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** The answer to a bulk read: stored values stand in it as they are. */
export function bulkReply(items: readonly BulkStateItem[]): Buffer {
  const parts: (string | Uint8Array)[] = [];
  for (const [index, { key, item, error }] of items.entries()) {
    parts.push(index === 0 ? '[' : ',', `{"key":${JSON.stringify(key)}`);
    if (item !== undefined) {
      pushMember(parts, 'data', item.value);
      pushRest(parts, item);
    }
    parts.push(error === undefined ? '}' : `,"error":${JSON.stringify(error)}}`);
  }
  return joined(items.length === 0 ? ['[]'] : [...parts, ']']);
}

/** The answer to a query that found something. */
export function queryReply({ items, token, metadata }: StateQueryResult): Buffer {
  const parts: (string | Uint8Array)[] = ['{"results":['];
  for (const [index, item] of items.entries()) {
    parts.push(index === 0 ? '' : ',', `{"key":${JSON.stringify(item.key)}`);
    pushMember(parts, 'data', item.value);
    if (item.etag !== undefined) parts.push(`,"etag":${JSON.stringify(item.etag)}`);
    parts.push('}');
  }
  parts.push(']');
  if (token) parts.push(`,"token":${JSON.stringify(token)}`);
  if (metadata && Object.keys(metadata).length > 0) parts.push(`,"metadata":${JSON.stringify(metadata)}`);
  return joined([...parts, '}']);
}

function pushRest(parts: (string | Uint8Array)[], { etag, expiresAt }: StateItem): void {
  if (etag !== undefined) parts.push(`,"etag":${JSON.stringify(etag)}`);
  if (expiresAt !== undefined) parts.push(`,"metadata":{"ttlExpireTime":${JSON.stringify(rfc3339(expiresAt))}}`);
}

/** A stored value goes in as it is when it is JSON; what was stored as other bytes (over gRPC) as a base64 text. */
function pushMember(parts: (string | Uint8Array)[], name: string, value: Uint8Array): void {
  if (value.byteLength === 0) return;
  parts.push(`,"${name}":`, isJson(value) ? value : JSON.stringify(Buffer.from(value).toString('base64')));
}

function isJson(value: Uint8Array): boolean {
  if (!isUtf8(value)) return false;
  try {
    JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString());
    return true;
  } catch {
    return false;
  }
}

function joined(parts: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}
