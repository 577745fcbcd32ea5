import { parseBoolean, parseByteSize, parseDuration } from './quantities.ts';

/** What every kind of metadata field has in common. */
export interface FieldOptions<T> {
  /** One sentence for the README table, the JSON Schema and `outrigger components describe`. */
  readonly description: string;
  /** The component refuses to load without it. */
  readonly required?: boolean;
  /** Used when the YAML does not name the field, or names it with an empty value. */
  readonly default?: T;
  /** Other names that Dapr has accepted for the field. All names are matched case-insensitively. */
  readonly aliases?: readonly string[];
  /** The value is a secret: it is masked wherever metadata is shown, and the docs advise `secretKeyRef`. */
  readonly secret?: boolean;
  /** A value for the docs, as it would stand in YAML. */
  readonly example?: string;
}

/** One metadata field of a component: the one source of its type, validation, README row and JSON Schema. */
export interface Field<T> extends FieldOptions<T> {
  /** How the README table and messages call the type: `text`, `integer`, `duration`, … */
  readonly typeName: string;
  /** JSON Schema of the value as it may stand in YAML, without description and default. */
  readonly jsonSchema: Readonly<Record<string, unknown>>;
  /** Turns the YAML's text into the value; throws an Error whose message says what is expected (never the value). */
  parse(text: string): T;
  /** How the default is shown in docs. */
  show(value: T): string;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;

type Optional<F> = F extends { readonly required: true }
  ? false
  : F extends { readonly default: unknown }
    ? false
    : true;
type Value<F> = F extends Field<infer T> ? T : never;

/** The object that `create` receives: `required` fields and fields with a default are there, the rest may be missing. */
export type MetadataOf<F extends Fields> = {
  readonly [K in keyof F as Optional<F[K]> extends false ? K : never]: Value<F[K]>;
} & {
  readonly [K in keyof F as Optional<F[K]> extends true ? K : never]?: Value<F[K]>;
};

type With<O, T> = Field<T> & Pick<O, Extract<keyof O, 'required' | 'default'>>;

function define<T, const O extends FieldOptions<T>>(
  typeName: string,
  options: O,
  jsonSchema: Readonly<Record<string, unknown>>,
  parse: (text: string) => T,
  show: (value: T) => string = String,
): With<O, T> {
  return { ...options, typeName, jsonSchema, parse, show };
}

function expect<T>(value: T | undefined, expected: string): T {
  if (value === undefined || Number.isNaN(value)) throw new Error(`expected ${expected}`);
  return value;
}

interface Range {
  readonly min?: number;
  readonly max?: number;
}

function inRange(value: number, { min = -Infinity, max = Infinity }: Range): number {
  if (value < min || value > max) {
    throw new Error(
      `expected ${max === Infinity ? `at least ${min}` : min === -Infinity ? `at most ${max}` : `${min} to ${max}`}`,
    );
  }
  return value;
}

function wholeNumber(value: string): number | undefined {
  const number = /^[+-]?\d+$/.test(value) ? Number(value) : undefined;
  return Number.isSafeInteger(number) ? number : undefined;
}

const scalar = { type: ['string', 'number', 'boolean'] };

/** A text, taken as it is. */
function text<const O extends FieldOptions<string>>(options: O): With<O, string> {
  return define(
    options.secret ? 'secret' : 'text',
    options,
    scalar,
    (value) => value,
    (value) => JSON.stringify(value),
  );
}

/** A whole number. */
function integer<const O extends FieldOptions<number> & Range>(options: O): With<O, number> {
  return define('integer', options, { type: ['integer', 'string'] }, (value) =>
    inRange(expect(wholeNumber(value.trim()), 'a whole number'), options),
  );
}

/** A truth value in any of the forms Dapr accepts: `true`, `"true"`, `yes`, `1`, … */
function flag<const O extends FieldOptions<boolean>>(options: O): With<O, boolean> {
  return define('flag', options, { type: ['boolean', 'string'] }, (value) =>
    expect(parseBoolean(value), 'true or false'),
  );
}

function showDuration(milliseconds: number): string {
  if (milliseconds !== 0 && milliseconds % 3_600_000 === 0) return `${milliseconds / 3_600_000}h`;
  if (milliseconds !== 0 && milliseconds % 60_000 === 0) return `${milliseconds / 60_000}m`;
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;
}

/** A length of time in milliseconds, written as a Go duration; a bare number counts in `plainUnit` (default milliseconds). */
function duration<const O extends FieldOptions<number> & Range & { readonly plainUnit?: 'ms' | 's' }>(
  options: O,
): With<O, number> {
  return define(
    'duration',
    options,
    { type: ['string', 'number'] },
    (value) =>
      inRange(expect(parseDuration(value, options.plainUnit), 'a duration such as "500ms", "5s" or "1m30s"'), options),
    showDuration,
  );
}

/** A number of bytes, written as a quantity: `1024`, `64k`, `4Mi`. */
function byteSize<const O extends FieldOptions<number>>(options: O): With<O, number> {
  return define('byte size', options, { type: ['string', 'integer'] }, (value) =>
    expect(parseByteSize(value), 'a number of bytes such as "1024", "64k" or "4Mi"'),
  );
}

/** One of a few words, matched case-insensitively and given back as they stand in `values`. */
function oneOf<const V extends string, const O extends FieldOptions<V>>(values: readonly V[], options: O): With<O, V> {
  return define(values.join(' | '), options, { enum: values }, (value) =>
    expect(
      values.find((candidate) => candidate.toLowerCase() === value.trim().toLowerCase()),
      `one of ${values.map((candidate) => `"${candidate}"`).join(', ')}`,
    ),
  );
}

/** A list of texts, separated by commas; blanks around an entry are dropped, empty entries left out. */
function list<const O extends FieldOptions<readonly string[]>>(options: O): With<O, readonly string[]> {
  return define<readonly string[], O>(
    'list',
    options,
    scalar,
    (value) =>
      value
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== ''),
    (value) => value.join(','),
  );
}

/** The metadata field kinds, as one object for readable definitions: `field.text({ … })`. */
export const field = { text, integer, flag, duration, byteSize, oneOf, list };

export interface MetadataProblem {
  /** The field as the schema spells it, or as the YAML does when the schema does not know it. */
  readonly field: string;
  /** What is wrong and what would be right; never holds the value. */
  readonly message: string;
}

export interface ParsedMetadata<F extends Fields> {
  readonly values: MetadataOf<F>;
  /** Problems that must stop the component. Empty when it may load. */
  readonly problems: readonly MetadataProblem[];
  /**
   * Names in the YAML that the schema does not know, with the nearest known name where there is one. Not fatal, as in Dapr. One
   * that must be meant for a required field which is missing stands in `problems` instead.
   */
  readonly unknown: readonly { readonly field: string; readonly suggestion?: string }[];
}

/**
 * Validates a component's metadata, given as the name/text pairs of the YAML after secrets and templates are resolved.
 * Everything that is wrong is reported at once. Names in `tolerated` (in lower case: those that belong to the building block,
 * such as `keyprefix`) are not reported as unknown.
 */
export function parseMetadata<F extends Fields>(
  fields: F,
  properties: Readonly<Record<string, string>>,
  tolerated: ReadonlySet<string> = new Set(),
): ParsedMetadata<F> {
  const byLowerName = new Map<string, string>();
  for (const [name, { aliases = [] }] of Object.entries(fields)) {
    for (const known of [name, ...aliases]) byLowerName.set(known.toLowerCase(), name);
  }

  const given = new Map<string, string>();
  const unknown: { field: string; suggestion?: string }[] = [];
  for (const [name, value] of Object.entries(properties)) {
    const known = byLowerName.get(name.toLowerCase());
    if (known !== undefined) {
      // the field's own name wins over its aliases
      if (!given.has(known) || known.toLowerCase() === name.toLowerCase()) given.set(known, value);
    } else if (!tolerated.has(name.toLowerCase())) {
      const suggestion = nearestName(name, Object.keys(fields));
      unknown.push(suggestion === undefined ? { field: name } : { field: name, suggestion });
    }
  }

  const values: Record<string, unknown> = {};
  const problems: MetadataProblem[] = [];
  for (const [name, schema] of Object.entries(fields)) {
    const value = given.get(name);
    if (value === undefined || value === '') {
      if (schema.default !== undefined) values[name] = schema.default;
      else if (schema.required) problems.push(missing(name, schema.description, value === undefined ? unknown : []));
      continue;
    }
    try {
      values[name] = schema.parse(value);
    } catch (error) {
      problems.push({ field: name, message: (error as Error).message });
    }
  }
  return { values: values as MetadataOf<F>, problems, unknown };
}

/** A required field that is not there; a misspelt one is named as such and taken out of `unknown`. */
function missing(
  name: string,
  description: string,
  unknown: { readonly field: string; readonly suggestion?: string }[],
): MetadataProblem {
  const at = unknown.findIndex(({ suggestion }) => suggestion === name);
  const [misspelt] = at < 0 ? [] : unknown.splice(at, 1);
  if (!misspelt) return { field: name, message: `is required (${description})` };
  return { field: misspelt.field, message: `is unknown; did you mean ${name}, which is required (${description})?` };
}

/** The candidate that differs least from `name`, when it differs by a third of its letters or less; for "did you mean". */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Letters to change, add, leave out or swap with their neighbour. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = (last[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const swap = isSwap ? (beforeLast[column - 2] ?? 0) + 1 : Infinity;
      current.push(Math.min(change, swap, (last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    [beforeLast, last] = [last, current];
  }
  return last[b.length] ?? 0;
}

/** The rows of a README's metadata table, in Markdown. */
export function metadataTable(fields: Fields): string {
  const rows = Object.entries(fields).map(([name, schema]) => {
    const names = [`\`${name}\``, ...(schema.aliases ?? []).map((alias) => `\`${alias}\``)].join(', ');
    const shown = schema.default === undefined ? '' : schema.show(schema.default);
    const preset = schema.required ? '**required**' : shown === '' ? '' : `\`${shown}\``;
    const cells = [names, schema.typeName, preset, schema.description];
    return `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
  });
  if (rows.length === 0) return 'This component has no metadata fields.';
  return ['| Field | Type | Default | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
