import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

import { abortable, ComponentError, errorMessage } from '@outrigger/core';

/** The name is not there, or has no address: nobody answers to it, which is no failure. */
const absent: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA']);

/**
 * Every address of a host as `address:port`, as the system looks it up; `[address]:port` for IPv6. Empty when the name is not known.
 * Rejects with ComponentError `unavailable` when it could not be looked up.
 */
export async function addressesOf(host: string, port: number, signal: AbortSignal): Promise<string[]> {
  if (isIP(host) !== 0) return [addressText(host, port)];
  try {
    const found = await abortable(lookup(host, { all: true, order: 'verbatim' }), signal);
    return [...new Set(found.map(({ address }) => addressText(address, port)))];
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && 'code' in error && absent.has(String(error.code))) return [];
    throw new ComponentError('unavailable', `the name ${host} could not be looked up: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

function addressText(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
