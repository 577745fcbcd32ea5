import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import {
  type BindingEventHandler,
  type BindingRequest,
  type BindingResponse,
  type Bindings,
  ComponentError,
  errorMessage,
  type Subscription,
} from '@outrigger/core';

import { InboxReader } from './inbox-reader.ts';

export interface MailboxOptions {
  readonly folder: string;
  /** Milliseconds. */
  readonly pollInterval: number;
}

/** Rejects with a ComponentError that names the field when the folder cannot be used. */
export async function openMailbox(options: MailboxOptions): Promise<Bindings> {
  try {
    await mkdir(join(options.folder, 'inbox'), { recursive: true });
  } catch (error) {
    throw new ComponentError('invalid-argument', `folder: ${errorMessage(error)}`, { cause: error });
  }
  return new Mailbox(options);
}

/** An output, whose requests say in `metadata.name` which file is meant, and an input over the folder's `inbox`. */
class Mailbox implements Bindings {
  readonly operations = ['create', 'get', 'delete'] as const;
  readonly #options: MailboxOptions;
  readonly #readers = new Set<InboxReader>();
  readonly #closing = new AbortController();

  constructor(options: MailboxOptions) {
    this.#options = options;
  }

  async invoke({ operation, data, metadata }: BindingRequest, signal: AbortSignal): Promise<BindingResponse> {
    this.#refuseEnded(signal);
    if (!this.operations.some((known) => known === operation))
      throw new ComponentError('unsupported', `the operation ${operation} is none of ${this.operations.join(', ')}`);
    const { name = '' } = metadata;
    if (name.startsWith('.') || !/^[\w. -]+$/.test(name))
      throw new ComponentError(
        'invalid-argument',
        'metadata.name has to be the name of a file: letters, digits, . _ -',
      );
    try {
      return await this.#run(operation, join(this.#options.folder, name), data, signal);
    } catch (error) {
      signal.throwIfAborted();
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      throw new ComponentError(isMissing ? 'not-found' : 'internal', errorMessage(error), { cause: error });
    }
  }

  async read(handler: BindingEventHandler, signal: AbortSignal): Promise<Subscription> {
    this.#refuseEnded(signal);
    const { folder, pollInterval } = this.#options;
    const reader = new InboxReader(join(folder, 'inbox'), pollInterval, handler);
    this.#readers.add(reader);
    return reader;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new ComponentError('unavailable', 'the binding is closed'));
    await Promise.all([...this.#readers].map((reader) => reader[Symbol.asyncDispose]()));
  }

  async #run(operation: string, path: string, data: Uint8Array, signal: AbortSignal): Promise<BindingResponse> {
    if (operation === 'get') return { data: await readFile(path, { signal }) };
    if (operation === 'create') {
      // nobody ever sees half of a file
      const unfinished = join(this.#options.folder, `.${crypto.randomUUID()}`);
      await writeFile(unfinished, data, { signal }).catch(async (error: unknown) => {
        await rm(unfinished, { force: true });
        throw error;
      });
      await rename(unfinished, path);
    } else await rm(path, { force: true });
    return {};
  }

  #refuseEnded(signal: AbortSignal): void {
    AbortSignal.any([signal, this.#closing.signal]).throwIfAborted();
  }
}
