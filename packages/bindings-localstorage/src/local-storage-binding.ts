import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type BindingRequest,
  type BindingResponse,
  type Bindings,
  ComponentError,
  errorMessage,
} from '@outrigger/core';
import { fileContent } from './file-content.ts';
import type { RootFolder } from './root-folder.ts';

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
/** Links were followed when the place was found; one that has come since is not. Opening a pipe does not wait for its other end. */
const careful = O_NOFOLLOW | O_NONBLOCK;

/** An output that writes, reads, lists and deletes the files of a folder. */
export class LocalStorageBinding implements Bindings {
  readonly operations = ['create', 'get', 'list', 'delete'];
  readonly #root: RootFolder;
  #closed = false;

  constructor(root: RootFolder) {
    this.#root = root;
  }

  async invoke({ operation, data, metadata }: BindingRequest, signal: AbortSignal): Promise<BindingResponse> {
    signal.throwIfAborted();
    if (this.#closed) throw new ComponentError('unavailable', 'the binding is closed');
    const fileName = metadata['fileName'] ?? '';
    switch (operation) {
      case 'create':
        return this.#create(await this.#root.locate(fileName || randomUUID()), data);
      case 'get':
        return this.#get(await this.#root.locate(named(fileName, operation)), signal);
      case 'list':
        return this.#list(await this.#root.locate(fileName));
      case 'delete':
        return this.#delete(await this.#root.locate(named(fileName, operation)));
      default:
        throw new ComponentError('unsupported', `unsupported operation ${operation}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
  }

  /** Once it has begun it is carried through: a caller that goes leaves no half of a file. */
  async #create(path: string, data: Uint8Array): Promise<BindingResponse> {
    try {
      await mkdir(dirname(path), { recursive: true });
      await using file = await open(path, O_WRONLY | O_CREAT | careful, 0o666);
      await refuseSpecial(file, path);
      await file.truncate();
      await file.writeFile(fileContent(data));
    } catch (error) {
      throw failed('error writing to file', path, error);
    }
    return json({ fileName: this.#root.nameOf(path) });
  }

  async #get(path: string, signal: AbortSignal): Promise<BindingResponse> {
    try {
      await using file = await open(path, O_RDONLY | careful);
      await refuseSpecial(file, path);
      return { data: await file.readFile({ signal }) };
    } catch (error) {
      signal.throwIfAborted();
      throw failed('error reading file', path, error);
    }
  }

  async #list(path: string): Promise<BindingResponse> {
    try {
      if (!(await stat(path)).isDirectory()) {
        throw new ComponentError(
          'invalid-argument',
          `unable to list files as the file specified is not a directory: ${path}`,
        );
      }
      return json(await filesBelow(path));
    } catch (error) {
      throw failed('error listing files in', path, error);
    }
  }

  async #delete(path: string): Promise<BindingResponse> {
    try {
      await unlink(path);
    } catch (error) {
      throw failed('error deleting file', path, error);
    }
    return {};
  }
}

/** Every file below a folder by its whole path, in alphabetical order; links are not followed. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = (await readdir(folder, { withFileTypes: true })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const files = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    }),
  );
  return files.flat();
}

/** A device or a pipe has no end that could be waited for. */
async function refuseSpecial(file: FileHandle, path: string): Promise<void> {
  const stats = await file.stat();
  if (stats.isFile() || stats.isDirectory()) return;
  throw new ComponentError('invalid-argument', `${path} is not a file but a device, a pipe or the like`);
}

function named(fileName: string, operation: string): string {
  if (fileName !== '') return fileName;
  throw new ComponentError('invalid-argument', `${operation} needs the metadata field fileName: the name of the file`);
}

function json(value: unknown): BindingResponse {
  return { data: Buffer.from(JSON.stringify(value)), contentType: 'application/json' };
}

function failed(what: string, path: string, error: unknown): ComponentError {
  if (ComponentError.is(error)) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return new ComponentError('not-found', `file not found: ${path}`, { cause: error });
  const isMistake = code === 'EISDIR' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENXIO';
  const message = `${what} ${path}: ${errorMessage(error)}`;
  return new ComponentError(isMistake ? 'invalid-argument' : 'internal', message, { cause: error });
}
