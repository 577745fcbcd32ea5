/** What a module may use. Whether it is in one process with the others or beside a sidecar, it cannot tell. */
export interface Platform {
  /** Keeps a value; no other module sees it. */
  save(key: string, value: unknown): Promise<void>;
  /** Resolves to `undefined` when there is none. */
  load(key: string): Promise<unknown>;
  publish(topic: string, data: unknown): Promise<void>;
  call(module: string, method: string, data: unknown): Promise<unknown>;
}

export interface Module {
  /** The app id: what it keeps, and the messages that wait for it, are under this name. */
  readonly name: string;
  readonly methods: Readonly<Record<string, (data: unknown) => Promise<unknown>>>;
  /** By topic. One that rejects gets its message again. */
  readonly topics: Readonly<Record<string, (data: unknown) => Promise<void>>>;
}

export type CreateModule = (platform: Platform) => Module;
