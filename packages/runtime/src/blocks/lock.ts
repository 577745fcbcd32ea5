import type { UnlockOutcome } from '@outrigger/core';

/** One lock store as the app sees it: keys get their prefix, the outbound policy applies, failures become ApiErrors. */
export interface LockHandle {
  /** Whether `owner` now holds the lock. Never waits for another holder. Throws for an empty id or owner and an expiry below 1. */
  tryLock(
    request: { readonly resourceId: string; readonly owner: string; readonly expiryInSeconds: number },
    signal?: AbortSignal,
  ): Promise<boolean>;

  unlock(
    request: { readonly resourceId: string; readonly owner: string },
    signal?: AbortSignal,
  ): Promise<UnlockOutcome>;
}
