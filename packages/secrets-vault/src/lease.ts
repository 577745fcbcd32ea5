import { ComponentError } from '@outrigger/core';
import { parsed } from './vault-failure.ts';

/** A token and how long it is good for. */
export interface Lease {
  readonly token: string;
  readonly isRenewable: boolean;
  /** Milliseconds it was granted for, this time; Infinity for a token that does not end. */
  readonly duration: number;
  /** Milliseconds it was granted for at first, and that a renewal asks for. */
  readonly wanted: number;
  /** As `Date.now()`. */
  readonly endsAt: number;
}

/** What a login has answered. */
export function grantedLease(text: string): Lease {
  const auth = parsed(text)['auth'] as Auth | null | undefined;
  if (typeof auth?.client_token !== 'string' || auth.client_token === '') {
    throw new ComponentError('internal', 'the answer to a login with Vault holds no token');
  }
  const duration = milliseconds(auth.lease_duration);
  const { client_token: token, renewable } = auth;
  return { token, isRenewable: renewable === true, duration, wanted: duration, endsAt: Date.now() + duration };
}

/** `lease`, as the answer to its renewal says. */
export function renewedLease(lease: Lease, text: string): Lease {
  const { duration, isRenewable, endsAt } = grantedLease(text);
  return { ...lease, duration, isRenewable, endsAt };
}

/** What `auth/token/lookup-self` says of a token. */
export function knownLease(token: string, text: string): Lease {
  const data = parsed(text)['data'] as Known | null | undefined;
  const duration = milliseconds(data?.ttl);
  const wanted = Math.max(milliseconds(data?.period, 0), milliseconds(data?.creation_ttl, 0), duration);
  return { token, isRenewable: data?.renewable === true, duration, wanted, endsAt: Date.now() + duration };
}

interface Auth {
  readonly client_token?: unknown;
  readonly lease_duration?: unknown;
  readonly renewable?: unknown;
}

interface Known {
  readonly ttl?: unknown;
  readonly creation_ttl?: unknown;
  readonly period?: unknown;
  readonly renewable?: unknown;
}

function milliseconds(seconds: unknown, none = Infinity): number {
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : none;
}

/** When it is time to renew: after two thirds, and never at once, however short it is. As `Date.now()`. */
export function renewalDue({ duration, endsAt }: Lease): number {
  if (duration === Infinity) return Infinity;
  return endsAt - duration + Math.max(500, (duration * 2) / 3);
}
