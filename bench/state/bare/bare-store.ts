/** What an app would do with the store's own client library: nothing but the value under its key. */
export interface BareStore {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Resolves once the server has it. */
  set(key: string, value: Uint8Array): Promise<void>;
}
