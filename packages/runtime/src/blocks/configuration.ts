import type { ConfigurationItems, RequestMetadata } from '@outrigger/core';

/** A subscription to changes of configuration items. Disposal ends it. */
export interface ConfigurationSubscription extends AsyncDisposable {
  /** What `unsubscribe` takes. */
  readonly id: string;
}

/** One configuration store as the app sees it: the outbound policy applies, failures become ApiErrors. */
export interface ConfigurationHandle {
  /** `keys` empty: all. Keys that do not exist are left out. */
  get(keys: readonly string[], metadata?: RequestMetadata, signal?: AbortSignal): Promise<ConfigurationItems>;

  /** Calls `onChange` with the changed items only, one call at a time and in order. */
  subscribe(
    keys: readonly string[],
    metadata: RequestMetadata | undefined,
    onChange: (items: ConfigurationItems, id: string) => Promise<void> | void,
    signal?: AbortSignal,
  ): Promise<ConfigurationSubscription>;

  /** As `subscribe`, with the app told of each change (`POST /configuration/{store}/{key}`); resolves to the id. Throws without an app. */
  subscribeApp(keys: readonly string[], metadata?: RequestMetadata, signal?: AbortSignal): Promise<string>;

  /** Ends the subscription with this id, whoever made it. Throws when there is none. */
  unsubscribe(id: string): Promise<void>;
}
