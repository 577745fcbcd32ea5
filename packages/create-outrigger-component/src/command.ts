import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';
import { parseArgs } from 'node:util';

import { componentName, UsageError } from './component-name.ts';
import { createComponent } from './create-component.ts';
import { isKind, type Kind, kinds } from './kinds.ts';

const usage = `npm create outrigger-component <name> -- --kind <kind> [--type <type>]

  <name>   of the package and its folder: my-store, @me/my-store, ./stores/my-store
  --kind   ${Object.entries(kinds)
    .map(([kind, { title }]) => `${kind.padEnd(9)} ${title}`)
    .join('\n           ')}
  --type   as it will stand in YAML; default: from the name, such as state.my-store

What is missing is asked for where somebody can answer. Nothing is ever overwritten.
`;

export interface Terminal {
  readonly input: Readable;
  readonly output: Writable & { readonly isTTY?: boolean };
  readonly cwd: string;
  /** Whether somebody is there to answer. */
  readonly isInteractive: boolean;
}

/** The whole command; resolves to its exit code. */
export async function command(args: readonly string[], terminal: Terminal): Promise<number> {
  const say = (text: string) => void terminal.output.write(`${text}\n`);
  try {
    const { values, positionals } = parse(args);
    if (values.help) {
      say(usage);
      return 0;
    }
    if (positionals.length > 1) throw new UsageError(`one name is enough: ${positionals.join(' ')}`);
    const given = await complete({ name: positionals[0], kind: values.kind }, terminal);
    const named = componentName(given.name, given.kind, values.type);
    const files = createComponent(named, given.kind, terminal.cwd);
    say(`\n${named.name}, ${kinds[given.kind].title} of the type ${named.type}, is in ${named.folder}:`);
    for (const file of files) say(`  ${file}`);
    say(`\nNext:\n  cd ${named.folder}\n  npm install\n  npm test\n  npm run docs`);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    say(`create-outrigger-component: ${error.message}`);
    return 1;
  }
}

function parse(args: readonly string[]) {
  const options = {
    kind: { type: 'string' },
    type: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${usage}`);
  }
}

/** Asks for what is missing; throws a UsageError where nobody can answer. */
async function complete(
  { name, kind }: { readonly name: string | undefined; readonly kind: string | undefined },
  { input, output, isInteractive }: Terminal,
): Promise<{ readonly name: string; readonly kind: Kind }> {
  const list = Object.keys(kinds).join(', ');
  if (kind !== undefined && !isKind(kind)) throw new UsageError(`--kind ${kind} is none of ${list}`);
  if (name !== undefined && kind !== undefined) return { name, kind };
  if (!isInteractive) {
    const missing = name === undefined ? 'the name is missing' : `--kind is missing: one of ${list}`;
    throw new UsageError(`${missing}\n\n${usage}`);
  }
  const questions = createInterface({ input, output });
  try {
    const wantedName = name ?? (await questions.question('Name of the package: ')).trim();
    let wantedKind = kind;
    while (wantedKind === undefined) {
      const answer = (await questions.question(`Kind (${list}): `)).trim().toLowerCase();
      if (isKind(answer)) wantedKind = answer;
    }
    return { name: wantedName, kind: wantedKind };
  } finally {
    questions.close();
  }
}
