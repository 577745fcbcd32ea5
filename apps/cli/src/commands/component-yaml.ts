import { type ComponentDefinition, nearestName, parseMetadata } from '@outrigger/core';
import { UserError } from '../user-error.ts';

export interface ComponentYaml {
  readonly text: string;
  readonly name: string;
  /** Fields that are required and have no value yet. */
  readonly open: readonly string[];
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
  name: string | undefined,
  values: ReadonlyMap<string, string>,
): ComponentYaml {
  const { type, version, kind, metadata } = definition;
  const chosen = name ?? usualNames[kind] ?? type.replaceAll('.', '-');
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(chosen)) {
    throw new UserError(`--name is "${chosen}"; a name has small letters, digits, "-" and "."`);
  }
  const given = namedFields(definition, values);
  const open: string[] = [];
  const entries = Object.entries(metadata).flatMap(([field, spec]) => {
    const value = given.get(field);
    const about = `    # ${spec.description}`;
    if (value !== undefined) return [about, `    - name: ${field}`, `      value: ${quoted(value)}`];
    if (spec.required) open.push(field);
    const mark = spec.required ? '    ' : '    # ';
    if (spec.secret) {
      const reference = [
        `- name: ${field}`,
        '  secretKeyRef:',
        `    name: ${chosen}-${field}`,
        `    key: ${chosen}-${field}`,
      ];
      return [about, ...reference.map((line) => mark + line)];
    }
    const example = spec.example ?? (spec.default === undefined ? '' : spec.show(spec.default).replaceAll('"', ''));
    return [about, `${mark}- name: ${field}`, `${mark}  value: ${quoted(example)}`];
  });
  const needsStore = entries.some((line) => /^ {6}secretKeyRef:/.test(line));
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
    ...(needsStore ? ['auth:', '  secretStore: secretstore'] : []),
  ];
  return { text: `${lines.join('\n')}\n`, name: chosen, open };
}

/** The values by the names that the definition has. */
function namedFields(definition: ComponentDefinition, values: ReadonlyMap<string, string>): Map<string, string> {
  const { metadata, type } = definition;
  const names = new Map(
    Object.entries(metadata).flatMap(([field, { aliases = [] }]) =>
      [field, ...aliases].map((one) => [one.toLowerCase(), field] as const),
    ),
  );
  const found = new Map<string, string>();
  for (const [name, value] of values) {
    const field = names.get(name.toLowerCase());
    if (field === undefined && !definition.takesAnyMetadata) {
      const near = nearestName(name, Object.keys(metadata));
      throw new UserError(`${type} has no field "${name}"${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
    found.set(field ?? name, value);
  }
  const given = new Set([...found.keys()].map((name) => name.toLowerCase()));
  const problem = parseMetadata(metadata, Object.fromEntries(found)).problems.find(({ field }) =>
    given.has(field.toLowerCase()),
  );
  if (problem !== undefined) throw new UserError(`--metadata ${problem.field}: ${problem.message}`);
  return found;
}

function quoted(value: string): string {
  return JSON.stringify(value);
}
