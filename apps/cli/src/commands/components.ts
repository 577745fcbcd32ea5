import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Field } from '@outrigger/core';
import { Definitions, InstalledPackages, readCatalogue } from '@outrigger/runtime/check';
import type { Command } from 'commander';
import { type OutputFormat, outputOption, renderTable, writeResult } from '../output.ts';
import { UserError } from '../user-error.ts';
import { type ComponentYaml, componentYaml } from './component-yaml.ts';

interface OutputOptions {
  readonly output: OutputFormat;
}

interface AddOptions extends OutputOptions {
  readonly name?: string;
  readonly metadata: readonly string[];
  readonly secret: readonly string[];
  readonly secretStore: string;
  readonly resourcesPath: string;
  readonly print?: boolean;
}

/** `outrigger components`: which types there are, what their fields mean, and a resource to begin with. */
export function addComponents(program: Command): void {
  const command = program
    .command('components')
    .alias('component')
    .description('Shows component types, and writes resources for them.');

  command
    .command('list')
    .description('Lists the component types that are installed, and with --all those that can be.')
    .option('-a, --all', 'also those whose package is not installed')
    .addOption(outputOption())
    .action(async ({ all = false, output: format }: OutputOptions & { all?: boolean }) => {
      const rows = (await listTypes(process.cwd())).filter(({ installed }) => installed || all);
      writeResult(format, rows, () => typesTable(rows));
    });

  command
    .command('describe <type>')
    .description('Says what the metadata fields of a component type mean.')
    .addOption(outputOption())
    .action(async (type: string, { output: format }: OutputOptions) => {
      const description = await describe(type);
      writeResult(format, description, () => descriptionText(description));
    });

  command
    .command('add <type>')
    .description('Writes the resource of a component, with every field explained.')
    .option('-n, --name <name>', 'name by which apps use it; default: the usual one of its block')
    .option('-m, --metadata <field=value>', 'value of a field; repeatable', collect, [])
    .option(
      '-s, --secret <field=secret>',
      'secret that has the value of a field, as name or name/key; repeatable',
      collect,
      [],
    )
    .option('--secret-store <name>', 'component that has the secrets', 'secretstore')
    .option('-d, --resources-path <folder>', 'folder to write it to', 'resources')
    .option('--print', 'print it, and write nothing')
    .addOption(outputOption())
    .action(add);
}

interface ListedType {
  readonly type: string;
  readonly version: string;
  readonly package: string;
  readonly installed: boolean;
}

async function listTypes(folder: string): Promise<ListedType[]> {
  const installed = new InstalledPackages(folder)
    .all()
    .flatMap((one) => one.types.map(({ key }) => [key, one.name] as const));
  const there = new Set(installed.map(([key]) => key));
  const missing = Object.entries(await readCatalogue()).filter(([key]) => !there.has(key));
  return [...installed, ...missing]
    .map(([key, name]) => {
      const [type = '', version = ''] = key.split('/');
      return { type, version, package: name, installed: there.has(key) };
    })
    .toSorted((a, b) => a.type.localeCompare(b.type) || a.version.localeCompare(b.version));
}

function typesTable(rows: readonly ListedType[]): string {
  if (rows.length === 0)
    return 'No package with components is installed here. outrigger components list --all shows what there is.\n';
  return renderTable(
    ['TYPE', 'VERSION', 'PACKAGE', ''],
    rows.map((row) => [row.type, row.version, row.package, row.installed ? '' : `npm install ${row.package}`]),
  );
}

interface Description {
  readonly type: string;
  readonly version: string;
  readonly kind: string;
  readonly fields: readonly DescribedField[];
}

interface DescribedField {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly secret: boolean;
  readonly default?: string;
  readonly aliases: readonly string[];
  readonly description: string;
}

async function find(given: string) {
  const [type = '', version = 'v1'] = given.split('/');
  const definitions = new Definitions({ definitions: [], searchFrom: process.cwd(), packages: [] });
  try {
    return (await definitions.find({ type, version })).definition;
  } catch (error) {
    throw new UserError((error as Error).message, { cause: error });
  }
}

async function describe(given: string): Promise<Description> {
  const { type, version, kind, metadata } = await find(given);
  return { type, version, kind, fields: Object.entries(metadata).map(([name, field]) => describeField(name, field)) };
}

function describeField(name: string, field: Field<unknown>): DescribedField {
  return {
    name,
    type: field.typeName,
    required: field.required ?? false,
    secret: field.secret ?? false,
    ...(field.default !== undefined && { default: field.show(field.default) }),
    aliases: field.aliases ?? [],
    description: field.description,
  };
}

function descriptionText({ type, version, kind, fields }: Description): string {
  const rows = fields.map((field) => [
    [field.name, ...field.aliases].join(', '),
    field.type,
    field.required ? 'required' : (field.default ?? ''),
    `${field.secret ? '(secret) ' : ''}${field.description}`,
  ]);
  const head = `${type}/${version}, a component for the block ${kind}\n\n`;
  return (
    head +
    (rows.length === 0 ? 'It has no metadata fields.\n' : renderTable(['FIELD', 'TYPE', 'DEFAULT', 'MEANING'], rows))
  );
}

async function add(type: string, options: AddOptions): Promise<void> {
  const { name, output, resourcesPath, secretStore, print = false } = options;
  const definition = await find(type);
  const values = pairsOf('--metadata', options.metadata);
  const secrets = pairsOf('--secret', options.secret);
  const made = componentYaml(definition, { name, values, secrets, secretStore });
  const warnings = warningsOf(made);
  if (output === 'table') for (const warning of warnings) process.stderr.write(`outrigger: ${warning}\n`);
  const about = { type: definition.type, version: definition.version, name: made.name };
  if (print) {
    writeResult(output, { ...about, text: made.text, fillIn: made.open, warnings }, () => made.text);
    return;
  }
  const path = join(resourcesPath, `${made.name}.yaml`);
  if (existsSync(path)) throw new UserError(`${path} is there already; choose another --name, or remove it`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, made.text);
  const file = relative(process.cwd(), path);
  const fillIn = made.open.length > 0 ? `fill in: ${made.open.join(', ')}\n` : '';
  writeResult(output, { ...about, file, fillIn: made.open, warnings }, () => `wrote ${file}\n${fillIn}`);
}

function warningsOf({ shown }: ComponentYaml): string[] {
  if (shown.length === 0) return [];
  return [`${shown.join(', ')}: a secret in the open; keep it in a secret store and name it with --secret`];
}

/** What `field=text` flags say. */
function pairsOf(flag: string, texts: readonly string[]): Map<string, string> {
  return new Map(
    texts.map((text) => {
      const at = text.indexOf('=');
      // the text may be a secret
      if (at < 1) throw new UserError(`${flag} has to be <field>=<text>; one of them has no field or no "="`);
      return [text.slice(0, at), text.slice(at + 1)] as const;
    }),
  );
}

function collect(text: string, all: readonly string[]): readonly string[] {
  return [...all, text];
}
