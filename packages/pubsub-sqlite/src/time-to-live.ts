import { parseDuration, type RequestMetadata } from '@outrigger/core';

/**
 * When a message with this metadata is of no use any more: `ttlInSeconds` or `ttl`, in seconds or as a Go duration, from now.
 * `undefined` when it says nothing, or nothing that can be understood, as in Dapr.
 */
export function expiryOf(metadata: RequestMetadata): number | undefined {
  for (const [name, value] of Object.entries(metadata)) {
    const lower = name.toLowerCase();
    if (lower !== 'ttlinseconds' && lower !== 'ttl') continue;
    const milliseconds = parseDuration(value, 's');
    if (milliseconds !== undefined && milliseconds > 0) return Date.now() + milliseconds;
  }
  return undefined;
}
