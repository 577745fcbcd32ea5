import { parseDuration, type RequestMetadata } from '@outrigger/core';

/** Shared by every request that carries no metadata, so that having none can be seen by identity. */
export const noMetadata: RequestMetadata = Object.freeze({});

const booleans: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['t', true],
  ['true', true],
  ['0', false],
  ['f', false],
  ['false', false],
]);

/**
 * Whether the payload is carried as it is. Throws what to tell the caller when the value is no boolean. A value that an SDK
 * has JSON-encoded once too often (`"true"` with its quotes) counts as what it holds.
 */
export function isRawPayload(metadata: RequestMetadata): boolean {
  if (metadata === noMetadata) return false;
  const value = valueIgnoringCase(metadata, 'rawpayload');
  if (value === undefined) return false;
  const unquoted = /^"(.*)"$/.exec(value)?.[1] ?? value;
  const raw = booleans.get(unquoted.toLowerCase());
  if (raw === undefined) throw new TypeError(`rawPayload value must be a valid boolean: actual is '${value}'`);
  return raw;
}

/** Seconds count when there is no unit. `undefined` when there is no TTL above zero that can be read; that is no error. */
export function ttlMilliseconds(metadata: RequestMetadata): number | undefined {
  if (metadata === noMetadata) return undefined;
  const text = ttlText(metadata);
  const ttl = text === undefined ? undefined : parseDuration(text, 's');
  return ttl !== undefined && ttl > 0 ? ttl : undefined;
}

/** The TTL that is asked for and is none: it cannot be read, or is not above zero. */
export function unusableTtl(metadata: RequestMetadata): string | undefined {
  if (metadata === noMetadata) return undefined;
  const text = ttlText(metadata);
  return text === undefined || ttlMilliseconds(metadata) !== undefined ? undefined : text;
}

function ttlText(metadata: RequestMetadata): string | undefined {
  return valueIgnoringCase(metadata, 'ttl') ?? valueIgnoringCase(metadata, 'ttlinseconds');
}

function valueIgnoringCase(metadata: RequestMetadata, lowerName: string): string | undefined {
  for (const name in metadata) {
    if (name.length === lowerName.length && name.toLowerCase() === lowerName && metadata[name] !== '')
      return metadata[name];
  }
  return undefined;
}
