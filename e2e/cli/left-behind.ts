import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process, by what Linux tells of it. */
interface Found {
  readonly pid: number;
  readonly command: string;
}

/** Those in whose environment a folder is: what was started with it as its home, and all that this has started. */
export function processesOf(folder: string): Found[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const environment = textOf(`/proc/${pid}/environ`);
      // one that has ended has no more of it, and is not waited for yet
      if (!environment.includes(folder)) return [];
      return [{ pid: Number(pid), command: textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim() }];
    });
}

/** The TCP ports at which these processes listen. */
export function listeningPorts(pids: readonly number[]): number[] {
  const sockets = new Set(pids.flatMap(socketsOf));
  return listeners().flatMap(({ socket, port }) => (sockets.has(socket) ? [port] : []));
}

/** Those of the ports at which anybody listens. */
export function stillListening(ports: readonly number[]): number[] {
  const taken = new Set(listeners().map(({ port }) => port));
  return ports.filter((port) => taken.has(port));
}

/** All files and sockets below a folder, by their paths in it. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(folder.length + 1))
    .toSorted();
}

/** The sockets that a process has open, by their inodes. */
function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return entriesOf(folder).flatMap((name) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${name}`))?.[1] ?? [];
    } catch {
      // closed meanwhile
      return [];
    }
  });
}

function listeners(): { readonly socket: string; readonly port: number }[] {
  const listening = '0A';
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
    textOf(file)
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const [, local = '', , state, , , , , , socket = ''] = line.trim().split(/\s+/);
        return state === listening ? [{ socket, port: Number.parseInt(local.split(':')[1] ?? '', 16) }] : [];
      }),
  );
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Empty when it has ended, or is another user's. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
