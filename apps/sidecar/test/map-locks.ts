import type { LockStore, UnlockOutcome } from '@outrigger/core';

/** A lock store over a Map. Its locks do not expire; the owner `nobody` makes it fail. */
export class MapLocks implements LockStore {
  /** By resource id, the prefix included. */
  readonly owners = new Map<string, string>();

  async tryLock({ resourceId, owner }: { resourceId: string; owner: string }): Promise<boolean> {
    if (owner === 'nobody') throw new Error('disk on fire');
    if (this.owners.has(resourceId)) return false;
    this.owners.set(resourceId, owner);
    return true;
  }

  async unlock({ resourceId, owner }: { resourceId: string; owner: string }): Promise<UnlockOutcome> {
    if (owner === 'nobody') throw new Error('disk on fire');
    const holder = this.owners.get(resourceId);
    if (holder === undefined) return 'missing';
    if (holder !== owner) return 'other-owner';
    this.owners.delete(resourceId);
    return 'unlocked';
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
