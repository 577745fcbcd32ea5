import { type RequestMetadata, type Secret } from '@outrigger/core';

/** One secret store as the app sees it: scoped by Configuration, with the outbound policy, failures as ApiErrors. */
export interface SecretsHandle {
  /** `undefined` when the store has no such secret. Throws 403 `ERR_PERMISSION_DENIED` when the scope forbids it. */
  get(name: string, metadata?: RequestMetadata, signal?: AbortSignal): Promise<Secret | undefined>;
  /** Without those that the scope forbids. */
  getAll(metadata?: RequestMetadata, signal?: AbortSignal): Promise<Readonly<Record<string, Secret>>>;
}
