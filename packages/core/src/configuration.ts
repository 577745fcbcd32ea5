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
   * Calls `onChange` with the changed items only; a deleted one comes with an empty value. Resolves once changes made from
   * now on will be seen; disposing what it hands back ends it. A rejected `onChange` is logged, not repeated.
   */
  subscribe?(
    request: ConfigurationRequest,
    onChange: (items: ConfigurationItems) => Promise<void>,
    signal: AbortSignal,
  ): Promise<AsyncDisposable>;
}
