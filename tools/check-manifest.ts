import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Package } from './packages.ts';

/** Where everything is published from; a provenance statement has to name it. */
const repository = 'git+https://github.com/outrigger/outrigger.git';

/** What keeps a package from being published as it should, one line each; none for a private one. */
export function checkManifest(root: string, { folder, manifest }: Package): string[] {
  if (manifest.private) return [];
  const { exports, outrigger, publishConfig, repository: own } = manifest;
  const problems: string[] = [];
  const license = readFileSync(join(root, 'LICENSE'), 'utf8');
  if (!isText(join(root, folder, 'LICENSE'), license)) problems.push('LICENSE is not a copy of the one at the root');
  for (const [type, subpath] of Object.entries(outrigger?.components ?? {})) {
    if (!exports?.[subpath]) problems.push(`"outrigger.components" has ${type} in "${subpath}", which "exports" lacks`);
  }
  if (publishConfig?.access !== 'public')
    problems.push('"publishConfig" has no "access": "public"; npm keeps it private');
  if (publishConfig?.provenance !== true) {
    problems.push('"publishConfig" has no "provenance": true; nobody could see from which commit it was built');
  }
  if (own?.type !== 'git' || own.url !== repository || own.directory !== folder) {
    const expected = JSON.stringify({ type: 'git', url: repository, directory: folder });
    problems.push(`"repository" has to be ${expected}, or npm refuses its provenance`);
  }
  return problems.map((problem) => `${folder}: ${problem}`);
}

function isText(file: string, text: string): boolean {
  try {
    return readFileSync(file, 'utf8') === text;
  } catch {
    return false;
  }
}
