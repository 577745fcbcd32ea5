import type { RequestMetadata } from './state.ts';

/** One secret: a name and a text for a single-value store, or several for a multi-value one. */
export type Secret = Readonly<Record<string, string>>;

/** Promises about behaviour that no method can show. */
export type SecretStoreFeature = 'multiple-key-values-per-secret';

/** A secret store. Values never appear in logs, errors or metadata. */
export interface SecretStore extends AsyncDisposable {
  readonly features: readonly SecretStoreFeature[];

  /** The secret called `name`, or `undefined` when there is none. A single-value store answers `{ [name]: value }`. */
  get(
    request: { readonly name: string; readonly metadata?: RequestMetadata },
    signal: AbortSignal,
  ): Promise<Secret | undefined>;

  /** Every secret by name. Absent where the backend cannot list. */
  getAll?(
    request: { readonly metadata?: RequestMetadata },
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, Secret>>>;
}
