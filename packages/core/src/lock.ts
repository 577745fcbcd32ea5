/** `missing`: nobody holds it. `other-owner`: somebody else does. */
export type UnlockOutcome = 'unlocked' | 'missing' | 'other-owner';

/** A store of leases. Locks expire by themselves and are not renewed. */
export interface LockStore extends AsyncDisposable {
  /** Whether `owner` now holds the lock, for `expiryInSeconds` (whole, above 0). Never waits for another holder. */
  tryLock(
    request: { readonly resourceId: string; readonly owner: string; readonly expiryInSeconds: number },
    signal: AbortSignal,
  ): Promise<boolean>;

  unlock(request: { readonly resourceId: string; readonly owner: string }, signal: AbortSignal): Promise<UnlockOutcome>;
}
