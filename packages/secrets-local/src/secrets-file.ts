import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { basename, resolve } from 'node:path';
import { ComponentError, errorMessage, type Secret } from '@outrigger/core';
import { parseEnvText } from './env-text.ts';
import { type Entry, parseJsonText } from './json-text.ts';

export interface SecretsFileOptions {
  readonly secretsFile: string;
  readonly nestedSeparator: string;
  readonly multiValued: boolean;
}

/**
 * Reads all secrets of a file, by name. What is wrong with the file is told with its path and line; no message, and no cause
 * of one, holds a piece of its content.
 */
export async function readSecretsFile(
  options: SecretsFileOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Secret>> {
  const path = resolve(options.secretsFile);
  const text = await readText(path, options.secretsFile, signal);
  const entries = looksLikeJson(path, text) ? parseJsonText(text, path) : parseEnvText(text, path);
  return options.multiValued
    ? oneSecretPerFirstLevel(entries, options, path)
    : oneSecretPerValue(entries, options, path);
}

async function readText(path: string, asWritten: string, signal: AbortSignal): Promise<string> {
  try {
    return (await readFile(path, { encoding: 'utf8', signal })).replace(/^\uFEFF/, '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new ComponentError(
        'not-found',
        `secretsFile "${asWritten}": there is no file ${path}; a relative path starts at the directory the process runs in`,
        { cause: error },
      );
    }
    signal.throwIfAborted();
    const isForbidden = ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
    const hint = isForbidden ? `; let the user ${userInfo().username} read it` : '';
    throw new ComponentError(
      'unavailable',
      `secretsFile "${asWritten}" cannot be read: ${errorMessage(error)}${hint}`,
      { cause: error },
    );
  }
}

function looksLikeJson(path: string, text: string): boolean {
  if (/^\.env(\..+)?$|\.env$/i.test(basename(path))) return false;
  return /^\s*[{["]/.test(text);
}

function oneSecretPerValue(
  entries: readonly Entry[],
  { nestedSeparator }: SecretsFileOptions,
  path: string,
): Map<string, Secret> {
  const values = collect(entries, ({ names }) => names.join(nestedSeparator), path);
  return new Map([...values].map(([name, value]) => [name, secretOf([[name, value]])]));
}

function oneSecretPerFirstLevel(
  entries: readonly Entry[],
  { nestedSeparator }: SecretsFileOptions,
  path: string,
): Map<string, Secret> {
  const byFirstLevel = Map.groupBy(entries, ({ names }) => names[0] ?? '');
  return new Map(
    [...byFirstLevel].map(([name, group]) => {
      const values = collect(
        group,
        ({ names }) => (names.length > 1 ? names.slice(1).join(nestedSeparator) : name),
        path,
      );
      return [name, secretOf(values)];
    }),
  );
}

/** Values by flattened name; two values of one name are refused, because either could be the one that was meant. */
function collect(entries: readonly Entry[], nameOf: (entry: Entry) => string, path: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const entry of entries) {
    const name = nameOf(entry);
    if (values.has(name)) {
      throw new ComponentError(
        'invalid-argument',
        `${path}:${entry.line}: a second value for the secret "${name}"; keep one of them`,
      );
    }
    values.set(name, entry.value);
  }
  return values;
}

function secretOf(values: Iterable<readonly [string, string]>): Secret {
  return Object.freeze(Object.fromEntries(values));
}
