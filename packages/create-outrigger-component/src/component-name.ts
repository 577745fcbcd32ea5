import { basename } from 'node:path';

import { type Kind, kinds } from './kinds.ts';

/** What is wrong with what the user asked for; the message says how to put it right. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface ComponentName {
  /** Where the package is made, as the user named it. */
  readonly folder: string;
  /** The package's name. */
  readonly name: string;
  /** `state.my-store` */
  readonly type: string;
}

/**
 * Folder, package name and type from the one name that the user gives: `my-store`, `@me/my-store` or a path such as
 * `./stores/my-store`. Throws a UsageError for a name that npm or YAML would not take.
 */
export function componentName(given: string, kind: Kind, wantedType?: string): ComponentName {
  const scope = /^@[^/]+\/(?=[^/]+$)/.exec(given)?.[0] ?? '';
  const folder = given.slice(scope.length);
  const short = basename(folder);
  const name = scope + short;
  if (name.length > 214 || !/^(@[a-z0-9][a-z0-9._-]*\/)?[a-z][a-z0-9._-]*$/.test(name)) {
    throw new UsageError(
      `"${given}" cannot be the name of a package: use small letters, digits, ".", "_" and "-", and begin with a letter, as in my-store`,
    );
  }
  const { prefix } = kinds[kind];
  const type =
    wantedType ?? `${prefix}.${short.replace(/^outrigger-/, '').replace(new RegExp(`^(${kind}|${prefix})[-.]`), '')}`;
  if (!type.startsWith(`${prefix}.`) || !/^[a-z]+(\.[a-z0-9][a-z0-9_-]*)+$/.test(type)) {
    throw new UsageError(
      `"${type}" cannot be the type of a component of this kind: it has to read ${prefix}.<name>, in small letters`,
    );
  }
  return { folder, name, type };
}
