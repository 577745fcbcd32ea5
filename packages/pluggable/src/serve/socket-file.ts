import { chmod, lstat, mkdir, mkdtemp, rename, rm, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';

/** A Unix socket's address has no more bytes, its end included, on Linux; on macOS four fewer. */
const longestPath = process.platform === 'darwin' ? 103 : 107;

/**
 * Listens on a Unix socket. The file is there only when it has its mode and is listened on, in the place of one that a process which is
 * gone has left. Rejects with an Error that says what to do when somebody listens on it, or when the file is something else.
 */
export async function listenOnSocket(
  path: string,
  mode: number,
  onConnection: (socket: Socket) => void,
): Promise<Server> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await refuseTaken(path);
  // Nobody else can look into this folder, and so nobody connects before the mode is set.
  const folder = await mkdtemp(join(dirname(path), '.o-'));
  try {
    const fresh = join(folder, 's');
    if (Buffer.byteLength(fresh) > longestPath || Buffer.byteLength(path) > longestPath) {
      throw new Error(`${path} is too long for a Unix socket: choose a folder with a shorter name`);
    }
    const server = createServer(onConnection);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(fresh, resolve);
    });
    try {
      await chmod(fresh, mode);
      await rename(fresh, path);
    } catch (error) {
      server.close();
      throw error;
    }
    return server;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes a socket that was listened on, unless another process has put its own in the place. */
export async function removeSocket(path: string, inode: number): Promise<void> {
  const now = await lstat(path).catch(() => undefined);
  if (now?.ino === inode) await unlink(path).catch(() => undefined);
}

async function refuseTaken(path: string): Promise<void> {
  const file = await lstat(path).catch(() => undefined);
  if (file === undefined) return;
  if (!file.isSocket()) throw new Error(`${path} is no socket: remove it, or choose another name`);
  if (await isAnswered(path)) {
    throw new Error(`another process listens on ${path}: end it, or choose another name or folder`);
  }
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
