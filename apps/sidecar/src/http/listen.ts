import { existsSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';

import { listenOn } from './listen-on.ts';

/** Where a server listens. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly socketPath: string };

/** What a message calls the settings that could be changed. */
export interface ListenFlags {
  readonly port: string;
  readonly address: string;
}

/** Addresses that are bound when none are named: this machine alone. */
export const loopbackAddresses: readonly string[] = ['127.0.0.1', '::1'];

/** `--dapr-listen-addresses`: addresses separated by commas, in brackets or not. Empty: this machine alone. */
export function parseListenAddresses(text: string | undefined): readonly string[] {
  const addresses = (text ?? '')
    .split(',')
    .map((address) => address.trim().replace(/^\[(.*)\]$/, '$1'))
    .filter((address) => address !== '');
  return addresses.length === 0 ? loopbackAddresses : addresses;
}

/**
 * Binds a server; resolves to the port (0 for a socket). Rejects with a message that names the address, what is wrong and
 * which flag mends it.
 */
export async function listen(server: Server, endpoint: Endpoint, flags: ListenFlags): Promise<number> {
  try {
    return await bind(server, endpoint);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if ('socketPath' in endpoint && code === 'EADDRINUSE' && (await isAbandoned(endpoint.socketPath))) {
      unlinkSync(endpoint.socketPath);
      return bind(server, endpoint);
    }
    throw new ListenError(endpoint, flags, error as NodeJS.ErrnoException);
  }
}

/**
 * Binds each endpoint in turn by `listenOn`; a port of 0 becomes the one that the first of them got. Resolves to the port.
 * A machine without IPv6 still has its other loopback address, so that `::1` may be missing behind another one.
 */
export async function listenOnEach(
  endpoints: readonly Endpoint[],
  flags: ListenFlags,
  listenOn: (endpoint: Endpoint) => Promise<number>,
): Promise<number> {
  if (endpoints.length === 0) throw new Error(`no address to listen on: set ${flags.address}`);
  let port: number | undefined;
  for (const endpoint of endpoints) {
    try {
      port = await listenOn('host' in endpoint && port !== undefined ? { ...endpoint, port } : endpoint);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      const isSpare = 'host' in endpoint && endpoint.host === '::1' && port !== undefined;
      if (!isSpare || (code !== 'EADDRNOTAVAIL' && code !== 'EAFNOSUPPORT')) throw error;
    }
  }
  return port ?? 0;
}

function bind(server: Server, endpoint: Endpoint): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
    if ('socketPath' in endpoint) server.listen({ path: endpoint.socketPath });
    else listenOn(server, endpoint.host, endpoint.port);
  });
}

/** Whether a socket was left behind by a process that is gone: it is one, and nobody takes a connection on it. */
function isAbandoned(socketPath: string): Promise<boolean> {
  if (!lstatSync(socketPath).isSocket()) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

/** A port or socket could not be bound. */
class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: string | undefined;

  constructor(endpoint: Endpoint, flags: ListenFlags, cause: NodeJS.ErrnoException) {
    const isSocket = 'socketPath' in endpoint;
    const where = isSocket ? endpoint.socketPath : `${bracketed(endpoint.host || '*')}:${endpoint.port}`;
    const reason = isSocket ? socketAdvice(cause, endpoint.socketPath) : advice(cause, flags);
    super(`cannot listen on ${where}: ${reason}`, { cause });
    this.code = cause.code;
  }
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function socketAdvice(error: NodeJS.ErrnoException, path: string): string {
  const folder = dirname(path);
  const other = 'name another folder with --unix-domain-socket';
  switch (error.code) {
    case 'EADDRINUSE':
      return `another process serves this socket; stop it, or ${other}`;
    case 'EACCES':
      // Also what Node.js makes of ENOENT.
      return existsSync(folder)
        ? `this user may not create the socket; ${other}`
        : `the folder ${folder} does not exist; make it (mkdir -p ${folder}), or ${other}`;
    case 'ENOTDIR':
      return `${folder} is not a folder; ${other}`;
    case 'EINVAL':
    case 'ENAMETOOLONG':
      return `the path is too long for a socket; ${other}`;
    default:
      return error.message;
  }
}

function advice(error: NodeJS.ErrnoException, flags: ListenFlags): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `the port is in use; stop the process that has it, or choose another with ${flags.port} (0 picks a free one)`;
    case 'EACCES':
      return `this user may not use the port; choose one above 1023 with ${flags.port}`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EINVAL':
      return `this machine does not have the address; correct ${flags.address}`;
    default:
      return error.message;
  }
}
