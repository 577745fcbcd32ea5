import { lstat, mkdir, realpath } from 'node:fs/promises';
import { dirname, join, normalize, relative, resolve, sep } from 'node:path';
import { ComponentError, errorMessage } from '@outrigger/core';

/** Folders of the system that nobody's files belong in. */
const forbidden = ['/proc', '/sys', '/boot', '/var/run/secrets', '/run/secrets'];

/** A folder that no name can lead out of. */
export interface RootFolder {
  /** Its real path, without links. */
  readonly path: string;
  /** The real place of a name within the folder. Rejects with `invalid-argument` when links lead out of it, or to a forbidden one. */
  locate(name: string): Promise<string>;
  /** A place within the folder as a name. */
  nameOf(path: string): string;
}

/** Makes the folder where it is missing. Rejects with `invalid-argument` for a place that is forbidden or is no folder. */
export async function openRoot(rootPath: string): Promise<RootFolder> {
  const wanted = resolve(rootPath);
  // before anything is made, and again after it: a link may stand anywhere on the way
  refuseForbidden(await realPlace(wanted), 'rootPath points');
  try {
    await mkdir(wanted, { recursive: true });
  } catch (error) {
    throw new ComponentError('invalid-argument', `rootPath: cannot make the folder ${wanted}: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  const path = await realpath(wanted);
  refuseForbidden(path, 'rootPath points');
  return {
    path,
    locate: async (name) => {
      if (name.includes('\0')) throw new ComponentError('invalid-argument', 'fileName holds a NUL character');
      // as if the folder were the root of the file system: ".." ends there
      const place = await realPlace(join(path, normalize(join(sep, name))));
      if (!isWithin(place, path)) {
        throw new ComponentError(
          'invalid-argument',
          `fileName ${JSON.stringify(name)} leads out of rootPath by a link`,
        );
      }
      // with a root above them, such as "/"
      refuseForbidden(place, `fileName ${JSON.stringify(name)} leads`);
      return place;
    },
    nameOf: (place) => relative(path, place),
  };
}

function refuseForbidden(path: string, who: string): void {
  const found = forbidden.find((folder) => isWithin(path, folder));
  if (found === undefined) return;
  throw new ComponentError(
    'invalid-argument',
    `${who} to ${found}, which is not for files of apps: choose another folder`,
  );
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** A path without links. What does not exist yet is taken as it is; a link that points to nothing is an error. */
async function realPlace(path: string): Promise<string> {
  const missing: string[] = [];
  for (let existing = path; ; existing = dirname(existing)) {
    try {
      return join(await realpath(existing), ...missing);
    } catch (error) {
      if (!isMissing(error)) throw notReachable(path, error);
      if (await isLink(existing)) throw notReachable(path, new Error('a link on the way points to nothing'));
      missing.unshift(existing.slice(dirname(existing).length).replaceAll(sep, ''));
    }
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    if (isMissing(error)) return false;
    throw notReachable(path, error);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function notReachable(path: string, cause: unknown): ComponentError {
  return new ComponentError('invalid-argument', `cannot use ${path}: ${errorMessage(cause)}`, { cause });
}
