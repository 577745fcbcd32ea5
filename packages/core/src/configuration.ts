import type { RequestMetadata } from './state.ts';

export interface ConfigurationItem {
  readonly value: string;
  /** Empty when the store has no versions. */
  readonly version: string;
  readonly metadata: RequestMetadata;
}

export type ConfigurationItems = Readonly<Record<string, ConfigurationItem>>;

/** `keys` empty or absent: all keys. */
export interface ConfigurationRequest {
  readonly keys?: readonly string[];
  readonly metadata?: RequestMetadata;
}

/** A store of configuration items. */
export interface ConfigurationStore extends AsyncDisposable {
  /** The items there are; a key that does not exist is left out. */
  get(request: ConfigurationRequest, signal: AbortSignal): Promise<ConfigurationItems>;

  /**
   * Calls `onChange` with the changed items only, one call at a time and in order; a deleted item comes with an empty value.
   * While a call takes long, what changes meanwhile is kept to its newest value, so that memory stays bounded. A rejected
   * `onChange` is logged and not repeated.
   *
   * Resolves once changes made from now on will be seen; the signal covers this set-up only. After a lost connection the
   * subscription comes back by itself, and what changed in between is told. Disposing what it hands back ends it: no further
   * call begins, and the one under way is not waited for, for it may be the one that ends the subscription.
   */
  subscribe?(
    request: ConfigurationRequest,
    onChange: (items: ConfigurationItems) => Promise<void>,
    signal: AbortSignal,
  ): Promise<AsyncDisposable>;
}
