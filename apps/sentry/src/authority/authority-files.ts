import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { errorMessage } from '@outrigger/core';

import { type AuthorityPem, checkTrustAnchors, generateAuthority, readAuthority } from './authority-keys.ts';

/** Dapr's names for them. */
const usualNames = { trustAnchors: 'ca.crt', issuerChain: 'issuer.crt', issuerKey: 'issuer.key' } as const;

/** The credentials in a folder, laid out as Dapr's Sentry has them: `ca.crt`, `issuer.crt`, `issuer.key`. */
export class AuthorityFiles {
  readonly folder: string;
  readonly #names: AuthorityPem;

  /** @param names of the files; default: Dapr's */
  constructor(folder: string, names: AuthorityPem = usualNames) {
    this.folder = folder;
    this.#names = names;
  }

  /** Where the roots are: what sidecars get as `DAPR_TRUST_ANCHORS_FILE`. */
  get trustAnchors(): string {
    return join(this.folder, this.#names.trustAnchors);
  }

  /** The last that is written: when it has changed, all have. */
  get issuerChain(): string {
    return join(this.folder, this.#names.issuerChain);
  }

  /** `undefined`: none of the files is there. Throws an Error that names the file when only some are, or one cannot be read. */
  async read(): Promise<AuthorityPem | undefined> {
    const [trustAnchors, issuerChain, issuerKey] = await Promise.all([
      this.#read(this.#names.trustAnchors),
      this.#read(this.#names.issuerChain),
      this.#read(this.#names.issuerKey),
    ]);
    if (trustAnchors !== undefined && issuerChain !== undefined && issuerKey !== undefined) {
      return { trustAnchors, issuerChain, issuerKey };
    }
    const found = {
      [this.#names.trustAnchors]: trustAnchors,
      [this.#names.issuerChain]: issuerChain,
      [this.#names.issuerKey]: issuerKey,
    };
    const missing = Object.entries(found).flatMap(([name, text]) => (text === undefined ? [name] : []));
    if (missing.length === Object.keys(found).length) return undefined;
    throw new Error(
      `${this.folder} has no ${missing.join(' and no ')}: put all of ${Object.keys(found).join(', ')} there, or none to have them made`,
    );
  }

  /** Replaces them one after the other, the roots first: who is trusted must be known before anybody shows it. */
  async write({ trustAnchors, issuerChain, issuerKey }: AuthorityPem): Promise<void> {
    try {
      // one that is there already keeps its mode: others may have a use for it, and the key's file is closed by itself
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      await this.#write(this.#names.trustAnchors, trustAnchors, 0o644);
      await this.#write(this.#names.issuerKey, issuerKey, 0o600);
      await this.#write(this.#names.issuerChain, issuerChain, 0o644);
    } catch (error) {
      throw new Error(`cannot write to ${this.folder}: ${errorMessage(error)}`, { cause: error });
    }
  }

  async #read(name: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.folder, name), 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw new Error(`${join(this.folder, name)} cannot be read: ${errorMessage(error)}`, { cause: error });
    }
  }

  async #write(name: string, text: string, mode: number): Promise<void> {
    const path = join(this.folder, name);
    await writeFile(`${path}.new`, text, { mode });
    await rename(`${path}.new`, path);
  }
}

/**
 * The credentials in a folder; new ones are made and written there when it has none. Throws an Error that names the folder and what is
 * wrong with those that are there.
 */
export async function authorityIn(files: AuthorityFiles, trustDomain: string): Promise<AuthorityPem> {
  const found = await files.read();
  if (found !== undefined) {
    try {
      await readAuthority(found);
    } catch (error) {
      throw new Error(
        `${files.folder}: ${errorMessage(error)}; mend that, or remove all three files to have new ones made`,
        { cause: error },
      );
    }
    return found;
  }
  const made = await generateAuthority(trustDomain);
  await files.write(made);
  return made;
}

/**
 * Begins to put a new root and issuer in place: the new root is trusted beside the old ones at once. What it resolves with brings the
 * issuer in, and is to be called when every sidecar knows the new root. Certificates under the old roots stay good until they expire.
 * Rejects with an Error that names the file when the old roots cannot be read, and changes nothing then.
 */
export async function rotateRoot(files: AuthorityFiles, trustDomain: string): Promise<() => Promise<AuthorityPem>> {
  const old = await files.read();
  try {
    if (old !== undefined) checkTrustAnchors(old.trustAnchors);
  } catch (error) {
    throw new Error(`${files.trustAnchors}: ${errorMessage(error)}; nothing is replaced`, { cause: error });
  }
  const made = await generateAuthority(trustDomain);
  const next = { ...made, trustAnchors: `${made.trustAnchors}${old?.trustAnchors ?? ''}` };
  await files.write({ ...(old ?? next), trustAnchors: next.trustAnchors });
  return async () => {
    await files.write(next);
    return next;
  };
}
