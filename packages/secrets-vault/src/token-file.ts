import { readFile, stat } from 'node:fs/promises';
import { ComponentError, errorMessage, type Logger } from '@outrigger/core';
import type { TokenSource } from './token-source.ts';

/**
 * A token that somebody else renews in a file, such as Vault Agent: it is read again when the file has changed. While the file
 * cannot be read the last token is used, which the log says once.
 */
export class TokenFile implements TokenSource {
  readonly #path: string;
  readonly #logger: Logger;
  #seen = '';
  #token = '';
  #isMissing = false;

  private constructor(path: string, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
  }

  static async open(path: string, logger: Logger): Promise<TokenFile> {
    const file = new TokenFile(path, logger);
    await file.#read(await file.#look());
    return file;
  }

  async token(): Promise<string> {
    try {
      const look = await this.#look();
      if (look !== this.#seen) await this.#read(look);
      if (this.#isMissing) this.#logger.info(`${this.#path} can be read again`);
      this.#isMissing = false;
    } catch (error) {
      if (!this.#isMissing) {
        this.#logger.warn(`${errorMessage(error)}; going on with the token that was read before`);
      }
      this.#isMissing = true;
    }
    return this.#token;
  }

  async replace(token: string): Promise<boolean> {
    // a clock too coarse may have hidden a change
    this.#seen = '';
    return (await this.token()) !== token;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Differs after a change, also when the file is replaced or its link leads elsewhere. */
  async #look(): Promise<string> {
    try {
      const { ino, mtimeNs, size } = await stat(this.#path, { bigint: true });
      return `${ino} ${mtimeNs} ${size}`;
    } catch (error) {
      throw this.#unreadable(error);
    }
  }

  async #read(look: string): Promise<void> {
    let token: string;
    try {
      token = (await readFile(this.#path, 'utf8')).trim();
    } catch (error) {
      throw this.#unreadable(error);
    }
    if (token === '' || /\s/.test(token)) {
      const problem = token === '' ? 'is empty' : 'holds more than a token';
      throw new ComponentError('unavailable', `vaultTokenMountPath: ${this.#path} ${problem}`);
    }
    this.#token = token;
    this.#seen = look;
  }

  #unreadable(error: unknown): ComponentError {
    // what an agent writes may come later
    return new ComponentError('unavailable', `vaultTokenMountPath cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}
