import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { ComponentError, errorMessage, type RequestMetadata, type Secret, type SecretStore } from '@outrigger/core';

/** Rejects with a ComponentError that names the field when there is no such folder. */
export async function openFolder(folder: string): Promise<SecretStore> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() !== true) throw new ComponentError('invalid-argument', `folder: ${folder} is no folder`);
  return new FolderSecrets(folder);
}

class FolderSecrets implements SecretStore {
  readonly features = [] as const;
  readonly #folder: string;
  readonly #closing = new AbortController();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async get(
    { name }: { readonly name: string; readonly metadata?: RequestMetadata },
    signal: AbortSignal,
  ): Promise<Secret | undefined> {
    const ended = this.#ended(signal);
    // a name is one file of this folder, never a way out of it
    if (name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name)) return undefined;
    try {
      const text = await readFile(join(this.#folder, name), { encoding: 'utf8', signal: ended });
      return { [name]: text.replace(/\r?\n$/, '') };
    } catch (error) {
      ended.throwIfAborted();
      if (['ENOENT', 'EISDIR', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw new ComponentError('unavailable', `cannot read a secret: ${errorMessage(error)}`, { cause: error });
    }
  }

  async getAll(
    _: { readonly metadata?: RequestMetadata },
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, Secret>>> {
    const ended = this.#ended(signal);
    try {
      const names = await readdir(this.#folder);
      const secrets = await Promise.all(names.map(async (name) => [name, await this.get({ name }, signal)] as const));
      return Object.fromEntries(secrets.flatMap(([name, secret]) => (secret === undefined ? [] : [[name, secret]])));
    } catch (error) {
      ended.throwIfAborted();
      throw ComponentError.from(error, 'unavailable');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new ComponentError('unavailable', 'the secret store is closed'));
  }

  /** Aborts when the caller leaves or the store closes; throws when either has happened. */
  #ended(signal: AbortSignal): AbortSignal {
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    ended.throwIfAborted();
    return ended;
  }
}
