import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The fields of a workspace package's manifest that the tools read. */
export interface Manifest {
  readonly name: string;
  readonly description?: string;
  readonly private?: boolean;
  readonly files?: readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly publishConfig?: { readonly access?: string; readonly provenance?: boolean };
  readonly repository?: { readonly type?: string; readonly url?: string; readonly directory?: string };
  readonly nx?: { readonly tags?: readonly string[] };
  readonly outrigger?: { readonly spi: number; readonly components: Readonly<Record<string, string>> };
}

/** A workspace package; `folder` is relative to the root, with slashes. */
export interface Package {
  readonly folder: string;
  readonly manifest: Manifest;
}

/** The packages that the root's `workspaces` globs find, sorted by folder. */
export function listPackages(root: string): Package[] {
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { workspaces: string[] };
  return globSync(
    workspaces.map((glob) => `${glob}/package.json`),
    { cwd: root },
  )
    .map((file) => file.replaceAll('\\', '/'))
    .toSorted()
    .map((file) => ({
      folder: file.slice(0, -'/package.json'.length),
      manifest: JSON.parse(readFileSync(join(root, file), 'utf8')) as Manifest,
    }));
}
