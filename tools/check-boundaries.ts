import { globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseSync } from 'oxc-parser';
import { listPackages, type Package } from './packages.ts';

interface Room {
  /** The rooms whose packages it may import; `*` is all of them. */
  readonly imports: readonly string[];
  /** What it may depend on, so that its users have it, and not import. */
  readonly bundles?: readonly string[];
  /** What its tests may import besides. */
  readonly tests?: readonly string[];
  /** Whether its code must not name a backend. */
  readonly neutral?: true;
}

/** The table of docs/architecture.md. A package says its room in its manifest: `"nx": { "tags": ["room:backend"] }`. */
const rooms: Readonly<Record<string, Room>> = {
  core: { imports: [], neutral: true },
  protocol: { imports: [] },
  client: { imports: ['core'], tests: ['tools'] },
  backend: { imports: ['core', 'client'], tests: ['tools'] },
  tools: { imports: ['core'], tests: ['tools'], neutral: true },
  runtime: { imports: ['core'], tests: ['backend'], neutral: true },
  transport: { imports: ['core', 'runtime', 'protocol'], neutral: true },
  identity: { imports: ['core', 'runtime', 'protocol', 'transport'], neutral: true },
  tracing: { imports: ['core', 'runtime'] },
  edge: {
    imports: ['core', 'runtime', 'protocol', 'transport', 'identity', 'pluggable', 'tracing'],
    tests: ['backend'],
    neutral: true,
  },
  command: { imports: ['core', 'runtime', 'protocol', 'transport', 'edge', 'tools'], bundles: ['backend', 'tracing'] },
  pluggable: { imports: ['core', 'runtime', 'protocol', 'transport'], tests: ['backend', 'tools'], neutral: true },
  e2e: { imports: ['*'] },
  bench: { imports: ['*'] },
  example: { imports: ['*'] },
};

/** Every import that crosses a border it must not cross, and every backend named where none may be, one line each. */
export function checkBoundaries(root: string): string[] {
  const packages = listPackages(root);
  const roomOf = new Map(packages.map((entry) => [entry.manifest.name, tagged(entry, 'room')]));
  const backends = backendNames(packages);
  const problems: string[] = [];

  for (const { folder, manifest } of packages) {
    const name = roomOf.get(manifest.name) ?? '';
    const room = rooms[name];
    if (!room) {
      const known = Object.keys(rooms).join(', ');
      problems.push(`${folder}/package.json: "nx.tags" needs "room:<one of ${known}>"; it has "room:${name}"`);
      continue;
    }

    const refuse = (specifier: string, besides: readonly string[] = []): string | undefined => {
      const target = /^@outrigger\/[^/]+/.exec(specifier)?.[0];
      const targetRoom = target && target !== manifest.name ? roomOf.get(target) : undefined;
      if (!targetRoom) return undefined;
      const allowed = [...room.imports, ...besides];
      if (allowed.includes('*') || allowed.includes(targetRoom)) return undefined;
      return `${target} (room ${targetRoom}), but room ${name} may use only: ${allowed.join(', ') || 'nothing of ours'}`;
    };

    for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      const reason = refuse(dependency, room.bundles);
      if (reason) problems.push(`${folder}/package.json: depends on ${reason}`);
    }

    for (const file of sources(root, folder)) {
      const isTest = file.endsWith('.test.ts') || file.startsWith(`${folder}/test/`);
      const source = readFileSync(join(root, file), 'utf8');
      const { comments, specifiers } = parse(file, source);

      for (const { specifier, start } of specifiers) {
        const at = `${file}:${lineAt(source, start)}`;
        const reason = refuse(specifier, isTest ? room.tests : []);
        if (reason) problems.push(`${at}: imports ${reason}`);
        const target = posix.join(posix.dirname(file), specifier);
        // who may import everything may use the repository's own tools, too
        const isAtHome = target.startsWith(`${folder}/`) || (room.imports.includes('*') && target.startsWith('tools/'));
        if (specifier.startsWith('.') && !isAtHome) {
          problems.push(`${at}: imports "${specifier}" from outside ${folder}; import its package by name`);
        }
      }

      if (!room.neutral || isTest) continue;
      const code = blank(source, comments);
      for (const [backend, pattern] of backends) {
        for (const { index } of code.matchAll(pattern)) {
          problems.push(
            `${file}:${lineAt(source, index)}: names the backend "${backend}"; room ${name} knows none by name`,
          );
        }
      }
    }
  }
  return problems;
}

function tagged({ manifest }: Package, key: string): string {
  const tag = manifest.nx?.tags?.find((candidate) => candidate.startsWith(`${key}:`));
  return tag?.slice(key.length + 1) ?? '';
}

/**
 * A backend's name is what follows the block in its folder: `state-redis` gives `redis`. The tag `name:generic` says
 * that the name is an everyday word (`secrets-local`), which is then not looked for.
 */
function backendNames(packages: readonly Package[]): Map<string, RegExp> {
  const all = packages.filter((entry) => tagged(entry, 'room') === 'backend');
  const nameOf = ({ folder }: Package) => posix.basename(folder).replace(/^[^-]+-/, '');
  const generic = new Set(all.filter((entry) => tagged(entry, 'name') === 'generic').map(nameOf));
  return new Map(all.map(nameOf).flatMap((name) => (generic.has(name) ? [] : [[name, wordPattern(name)] as const])));
}

/** Finds `in-memory` as `in-memory`, `inmemory`, `IN_MEMORY`, `inMemory…` and `…InMemory…`, but not inside other words. */
function wordPattern(name: string): RegExp {
  const words = name.split('-');
  const pascal = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  const camel = words[0] + pascal.slice(words[0]?.length);
  return new RegExp(
    [
      `(?<![A-Za-z])(?:${words.join('[-_]?')}|${camel})(?![a-z])`,
      `(?<![A-Z])${pascal}(?![a-z])`,
      `(?<![A-Z])${words.join('[-_]?').toUpperCase()}(?![A-Z])`,
    ].join('|'),
    'g',
  );
}

function sources(root: string, folder: string): string[] {
  const exclude = (path: string) => /(^|[/\\])(node_modules|dist|gen)([/\\]|$)/.test(path);
  return globSync(`${folder}/**/*.ts`, { cwd: root, exclude }).map((file) => file.replaceAll('\\', '/'));
}

function parse(file: string, source: string) {
  const { comments, module } = parseSync(file, source);
  const specifiers = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest),
    ...module.staticExports.flatMap(({ entries }) => entries.flatMap(({ moduleRequest }) => moduleRequest ?? [])),
    ...module.dynamicImports.map(({ moduleRequest: { start, end } }) => ({
      value: source.slice(start + 1, end - 1),
      start,
    })),
  ].map(({ value, start }) => ({ specifier: value, start }));
  return { comments, specifiers };
}

/** The source with its comments turned to blanks, every other character where it was. */
function blank(source: string, comments: readonly { readonly start: number; readonly end: number }[]): string {
  let code = '';
  let end = 0;
  for (const comment of comments) {
    code += source.slice(end, comment.start) + source.slice(comment.start, comment.end).replace(/\S/g, ' ');
    end = comment.end;
  }
  return code + source.slice(end);
}

function lineAt(source: string, index: number): number {
  return source.slice(0, index).split('\n').length;
}

if (import.meta.main) {
  const problems = checkBoundaries(process.cwd());
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log('Every package imports only what its room allows.');
}
