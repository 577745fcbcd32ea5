/** A server that the suite may kill. Nothing else may use it meanwhile. */
export interface KillableServer<Create> {
  /** Instances that talk to this server, where it is another one than the rest of the suite uses. Default: the suite's own. */
  readonly create?: Create;
  /** As `kill -9` does it. Resolves when it is dead. */
  kill(): Promise<void>;
  /** Starts it again at the same address with the data it had. Resolves when clients can connect. */
  start(): Promise<void>;
}

/** A way to the server through a proxy that the suite opens, cuts and mends. `Options` is what else an instance is made with. */
export interface CuttableRoute<Component, Options = unknown> {
  /** Where the server listens. */
  readonly host: string;
  readonly port: number;
  /** Where the proxy has to listen on 127.0.0.1, for a server that tells its clients an address. Default: any free port. */
  readonly listenPort?: number;
  /** An instance that reaches the server through the proxy at `address`, `host:port`. */
  readonly create: (options: Options & { readonly address: string }) => Promise<Component>;
  /** How long a cut lasts. Default 5000; 2000 in the suites of stores. */
  readonly cutForMs?: number;
}
