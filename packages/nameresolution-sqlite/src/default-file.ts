import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ComponentError, errorMessage } from '@outrigger/core';

/**
 * The file that all sidecars of one user on this machine share when the YAML names none. It is in a folder that only this
 * user may enter: whoever can write the file decides where calls between apps go. `base` is for tests.
 */
export function defaultFile(base: string = tmpdir()): string {
  const user = process.getuid?.();
  const folder = join(base, user === undefined ? 'outrigger' : `outrigger-${user}`);
  const stats = makeFolder(folder);
  if (user !== undefined && !isPrivate(stats, user)) {
    throw new ComponentError(
      'unavailable',
      `${folder} is open to other users of this machine: remove it, or set connectionString to a file of your own`,
    );
  }
  return join(folder, 'names.db');
}

function makeFolder(folder: string): Stats {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return lstatSync(folder);
  } catch (error) {
    const message = `cannot make the folder ${folder} (${errorMessage(error)}): set connectionString to a file of your own`;
    throw new ComponentError('unavailable', message, { cause: error });
  }
}

function isPrivate(stats: Stats, user: number): boolean {
  return stats.isDirectory() && stats.uid === user && (stats.mode & 0o077) === 0;
}
