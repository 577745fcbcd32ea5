import { ComponentError } from '@outrigger/core';
import { expect } from 'vitest';
import { type Network, openNetwork } from './network.ts';

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

export const noServer = 'the set-up has no server that may be killed';
export const noNetwork = 'the set-up does not say how to reach the server through a proxy';

/** Runs a case that may kill the server; it runs again when the case ends. */
export async function withServer(
  server: KillableServer<unknown>,
  run: (server: Pick<KillableServer<unknown>, 'kill' | 'start'>) => Promise<void>,
): Promise<void> {
  let down = false;
  try {
    await run({
      kill: async () => {
        await server.kill();
        down = true;
      },
      start: async () => {
        await server.start();
        down = false;
      },
    });
  } finally {
    if (down) await server.start();
  }
}

/** Opens the proxy of a route for one case. Disposal ends it. */
export function openRoute({ host, port, listenPort = 0 }: CuttableRoute<unknown, never>): Promise<Network> {
  return openNetwork({ host, port }, { listenPort });
}

/** What a call may say while its server is gone. */
export function expectOutage(error: unknown, what: string): void {
  const code = ComponentError.is(error) ? error.code : error;
  expect(['unavailable', 'deadline-exceeded'], `${what} failed with ${String(error)}`).toContain(code);
}

/** The errors that do not say that the same call may succeed later. */
export function misleading(errors: readonly unknown[]): unknown[] {
  return errors.filter((error) => !(ComponentError.is(error) ? error.retryable : isAbort(error)));
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
}
