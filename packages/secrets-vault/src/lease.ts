import { ComponentError } from '@outrigger/core';
import { parsed } from './vault-failure.ts';

/** A token and how long it is good for. */
export interface Lease {
  readonly token: string;
  readonly isRenewable: boolean;
  /** Milliseconds it was granted for; Infinity for a token that does not end. */
  readonly duration: number;
  /** As `Date.now()`. */
  readonly endsAt: number;
}

function leaseOf(token: string, seconds: unknown, isRenewable: unknown): Lease {
  const duration = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : Infinity;
  return { token, isRenewable: isRenewable === true, duration, endsAt: Date.now() + duration };
}

/** What a login or a renewal has answered. */
export function grantedLease(text: string): Lease {
  const auth = parsed(text)['auth'] as
    | { client_token?: unknown; lease_duration?: unknown; renewable?: unknown }
    | null
    | undefined;
  if (typeof auth?.client_token !== 'string' || auth.client_token === '') {
    throw new ComponentError('internal', 'the answer to a login with Vault holds no token');
  }
  return leaseOf(auth.client_token, auth.lease_duration, auth.renewable);
}

/** What `auth/token/lookup-self` says of a token. */
export function knownLease(token: string, text: string): Lease {
  const data = parsed(text)['data'] as { ttl?: unknown; renewable?: unknown } | null | undefined;
  return leaseOf(token, data?.ttl, data?.renewable);
}

/** When it is time to renew: after two thirds, and never at once, however short it is. As `Date.now()`. */
export function renewalDue({ duration, endsAt }: Lease): number {
  if (duration === Infinity) return Infinity;
  return endsAt - duration + Math.max(500, (duration * 2) / 3);
}
