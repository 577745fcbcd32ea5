import { isUtf8 } from 'node:buffer';
import type { RequestMetadata, StateSetRequest } from '@outrigger/core';

/** `json` where the caller says that the value is JSON and it is: such items are documents on a server that has RedisJSON. */
export function formatOf({ contentType, metadata, value }: StateSetRequest): 'json' | '' {
  const declared = contentType ?? (metadata && contentTypeIn(metadata));
  return declared !== undefined && /^application\/json\s*(;|$)/i.test(declared) && isJson(value) ? 'json' : '';
}

function contentTypeIn(metadata: RequestMetadata): string | undefined {
  return Object.entries(metadata).find(([name]) => name.toLowerCase() === 'contenttype')?.[1];
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
