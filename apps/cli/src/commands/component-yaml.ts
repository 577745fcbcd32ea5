import { type ComponentDefinition, type Field, nearestName, parseMetadata } from '@outrigger/core';
import { UserError } from '../user-error.ts';

export interface ComponentWishes {
  /** Default: the usual one of its block. */
  readonly name?: string | undefined;
  /** Values of fields. */
  readonly values: ReadonlyMap<string, string>;
  /** Where the values of further fields are kept: the name of a secret, or `name/key`. */
  readonly secrets: ReadonlyMap<string, string>;
  /** The component that has them. */
  readonly secretStore: string;
}

export interface ComponentYaml {
  readonly text: string;
  readonly name: string;
  /** Fields that are required and have no value yet. */
  readonly open: readonly string[];
  /** Secret fields whose value stands in the text. */
  readonly shown: readonly string[];
}

/** What apps usually call a component of the block. */
const usualNames: Readonly<Record<string, string>> = {
  state: 'statestore',
  pubsub: 'pubsub',
  secrets: 'secretstore',
  configuration: 'configstore',
  lock: 'lockstore',
};

/**
 * A resource for a type, with the fields that have values, and the others as comments. A secret comes from a secret store, also in the
 * comments. Throws a {@link UserError} for a field that the type does not have, or a value that it does not take.
 */
export function componentYaml(
  definition: ComponentDefinition,
  { name, values, secrets, secretStore }: ComponentWishes,
): ComponentYaml {
  const { type, version, kind, metadata } = definition;
  const chosen = name ?? usualNames[kind] ?? type.replaceAll('.', '-');
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(chosen)) {
    throw new UserError(`--name is "${chosen}"; a name has small letters, digits, "-" and "."`);
  }
  const given = namedFields(definition, values, '--metadata');
  const kept = namedFields(definition, secrets, '--secret');
  checkValues(definition, given);
  for (const field of kept.keys()) {
    if (given.has(field)) throw new UserError(`${field} has a --metadata and a --secret; give one of them`);
  }
  const open: string[] = [];
  const shown: string[] = [];
  let needsStore = false;
  let mayNeedStore = false;
  const entryOf = (field: string, spec?: Field<unknown>): string[] => {
    const value = given.get(field);
    const secret = kept.get(field);
    const isThere = value !== undefined || secret !== undefined || spec?.required === true;
    const indent = isThere ? '    ' : '    # ';
    const about = spec === undefined ? [] : [`    # ${spec.description}`];
    if (value === undefined && secret === undefined && spec?.required) open.push(field);
    if (value !== undefined && spec?.secret) shown.push(field);
    if (secret !== undefined || (value === undefined && spec?.secret)) {
      needsStore ||= isThere;
      mayNeedStore = true;
      return [...about, ...secretEntry(field, secret ?? `${chosen}-${field}`).map((line) => indent + line)];
    }
    return [...about, `${indent}- name: ${field}`, `${indent}  value: ${JSON.stringify(value ?? exampleOf(spec))}`];
  };
  const further = [...given.keys(), ...kept.keys()].filter((field) => !(field in metadata));
  const entries = [
    ...Object.entries(metadata).flatMap(([field, spec]) => entryOf(field, spec)),
    ...further.flatMap((field) => entryOf(field)),
  ];
  const lines = [
    'apiVersion: dapr.io/v1alpha1',
    'kind: Component',
    'metadata:',
    `  name: ${chosen}`,
    'spec:',
    `  type: ${type}`,
    `  version: ${version}`,
    entries.every((line) => line.trimStart().startsWith('#')) ? '  metadata: []' : '  metadata:',
    ...entries,
    ...(mayNeedStore
      ? ['auth:', `  secretStore: ${secretStore}`].map((line) => (needsStore ? line : `# ${line}`))
      : []),
  ];
  return { text: `${lines.join('\n')}\n`, name: chosen, open, shown };
}

/** `place`: a secret, or `name/key`. */
function secretEntry(field: string, place: string): string[] {
  const at = place.indexOf('/');
  const [name, key] = at < 0 ? [place, place] : [place.slice(0, at), place.slice(at + 1)];
  return [
    `- name: ${field}`,
    '  secretKeyRef:',
    `    name: ${JSON.stringify(name)}`,
    `    key: ${JSON.stringify(key)}`,
  ];
}

function exampleOf(spec?: Field<unknown>): string {
  if (spec?.default === undefined) return spec?.example ?? '';
  return spec.example ?? spec.show(spec.default).replaceAll('"', '');
}

/** By the names that the definition has. */
function namedFields(
  { type, metadata, takesAnyMetadata }: ComponentDefinition,
  texts: ReadonlyMap<string, string>,
  flag: string,
): Map<string, string> {
  const names = new Map(
    Object.entries(metadata).flatMap(([field, { aliases = [] }]) =>
      [field, ...aliases].map((one) => [one.toLowerCase(), field] as const),
    ),
  );
  const found = new Map<string, string>();
  for (const [name, text] of texts) {
    const field = names.get(name.toLowerCase());
    if (field === undefined && !takesAnyMetadata) {
      const near = nearestName(name, Object.keys(metadata));
      throw new UserError(
        `${flag}: ${type} has no field "${name}"${near === undefined ? '' : `; did you mean ${near}?`}`,
      );
    }
    found.set(field ?? name, text);
  }
  return found;
}

function checkValues({ metadata }: ComponentDefinition, given: ReadonlyMap<string, string>): void {
  const names = new Set([...given.keys()].map((name) => name.toLowerCase()));
  const problem = parseMetadata(metadata, Object.fromEntries(given)).problems.find(({ field }) =>
    names.has(field.toLowerCase()),
  );
  if (problem !== undefined) throw new UserError(`--metadata ${problem.field}: ${problem.message}`);
}
