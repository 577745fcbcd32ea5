import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { field } from '@outrigger/core';
import { flagSpecs } from '../apps/sidecar/src/process/flag-table.ts';
import { listPackages, type Manifest } from './packages.ts';

/** Rooms in the order in which a reader wants to meet them. */
const rooms = ['edge', 'runtime', 'core', 'backend', 'client', 'protocol', 'tools'];

/** The READMEs that list what the manifests and the flag table say, by path, as they have to read. */
export function listings(root: string): Map<string, string> {
  const files = new Map<string, string>();
  const put = (file: string, name: string, table: string) => {
    const path = join(root, file);
    if (existsSync(path)) files.set(file, withTable(file, readFileSync(path, 'utf8'), name, table));
  };
  put('README.md', 'packages', packageTable(root));
  put('apps/sidecar/README.md', 'flags', flagTable());
  put('docs/compatibility.md', 'flags', inertFlags());
  return files;
}

function withTable(file: string, text: string, name: string, table: string): string {
  const [start, end] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`${file}: no ${start} followed by ${end}; put them where the table belongs`);
  return `${text.slice(0, from + start.length)}\n\n${table}\n\n${text.slice(to)}`;
}

function packageTable(root: string): string {
  const roomOf = ({ nx }: Manifest) => nx?.tags?.find((tag) => tag.startsWith('room:'))?.slice('room:'.length) ?? '';
  const rows = listPackages(root)
    .filter(({ manifest }) => !manifest.private)
    .toSorted((a, b) => rooms.indexOf(roomOf(a.manifest)) - rooms.indexOf(roomOf(b.manifest)))
    .map(({ folder, manifest: { name, description = '', outrigger } }) => {
      const types = Object.keys(outrigger?.components ?? {}).map((type) => `\`${type.replace(/\/v1$/, '')}\``);
      return [`[${name}](${folder})`, description, types.join(', ')];
    });
  return table(['Package', 'What it is', 'Component types'], rows);
}

function flagTable(): string {
  const duration = field.duration({ description: '' });
  const size = (bytes: number) => (bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20}Mi` : `${bytes / 2 ** 10}Ki`);
  const rows = Object.entries(flagSpecs).map(([name, { kind, default: preset, help, inert, deprecated }]) => {
    const shown =
      kind === 'size'
        ? size(Number(preset))
        : kind === 'duration' || kind === 'seconds'
          ? duration.show(Number(preset))
          : preset;
    const note = deprecated
      ? `; deprecated: use ${deprecated}`
      : inert && help !== 'No effect'
        ? ' (no effect yet)'
        : '';
    const isPlain = preset === undefined || preset === '' || preset === false;
    return [`\`--${name}\``, isPlain ? '' : `\`${shown}\``, help + note];
  });
  return table(['Flag', 'Default', 'Meaning'], rows);
}

function inertFlags(): string {
  const names = Object.entries(flagSpecs).flatMap(([name, { inert }]) => (inert ? [`\`--${name}\``] : []));
  return names.map((name) => `- ${name}`).join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
