import type { Server } from 'node:net';

/** What `listen` calls once it knows the address; undocumented, but the same since Node 0.x. */
interface Internals {
  readonly _listen2?: (
    address: string,
    port: number,
    family: 4 | 6,
    backlog: number,
    fd: undefined,
    flags: number,
  ) => void;
}

/**
 * As `server.listen({ host, port })`: `listening` or `error` is emitted. An empty host: every address. For an IP address, the look-up of a name is left out:
 * what Node loads and compiles for it takes 10 to 20 ms, a fifth of a sidecar's start. Where Node does not offer that, and for
 * names, this is `server.listen`.
 */
export function listenOn(server: Server, host: string, port: number): void {
  const family = /^\d+\.\d+\.\d+\.\d+$/.test(host)
    ? 4
    : /^[0-9a-f:]+$/i.test(host) && host.includes(':')
      ? 6
      : undefined;
  const { _listen2: listen } = server as Internals;
  if (host === '') server.listen({ port });
  else if (family === undefined || listen === undefined) server.listen({ host, port });
  else listen.call(server, host, port, family, 511, undefined, 0);
}
