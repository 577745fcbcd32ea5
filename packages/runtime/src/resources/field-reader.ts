import { nearestName, parseBoolean, parseDuration } from '@outrigger/core';

import type { Problems } from './problems.ts';
import type { Position } from './resource.ts';
import type { Path, YamlDocument } from './yaml-document.ts';

/** The document a reader reads, and how its problems are named. */
export interface ReadContext {
  readonly document: YamlDocument;
  readonly file: string;
  /** `Component "statestore"` */
  readonly resource: string;
  readonly problems: Problems;
}

type YamlObject = Readonly<Record<string, unknown>>;

/**
 * Reads the fields of one object of a resource. Names are matched in any case, as Dapr does. A value of a wrong type is
 * reported and read as absent; {@link done} reports what nobody has asked for.
 */
export class FieldReader {
  readonly context: ReadContext;
  readonly path: Path;
  readonly #object: YamlObject;
  readonly #known: string[] = [];

  constructor(context: ReadContext, path: Path, object: YamlObject) {
    this.context = context;
    this.path = path;
    this.#object = object;
  }

  get position(): Position {
    return { file: this.context.file, line: this.context.document.lineOf(this.path) };
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  /** The names of all entries, where they are the user's own. */
  names(): string[] {
    const names = Object.keys(this.#object);
    this.#known.push(...names);
    return names;
  }

  /** Whatever stands there; `undefined` for nothing and for null. */
  raw(name: string): unknown {
    this.#known.push(name);
    return this.#object[this.#spelt(name)] ?? undefined;
  }

  text(name: string): string | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === 'string') return value;
    return this.#wrong(name, isScalar(value) ? `a text: put ${String(value)} in quotes` : 'a text');
  }

  requiredText(name: string): string {
    const known = this.context.problems.errors.length;
    const value = this.text(name);
    if (value !== undefined && value !== '') return value;
    if (this.context.problems.errors.length === known) this.error(`${this.#pathOf(name)} is missing`);
    return '';
  }

  flag(name: string): boolean | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === 'boolean') return value;
    const parsed = typeof value === 'string' ? parseBoolean(value) : undefined;
    return parsed ?? this.#wrong(name, 'true or false');
  }

  integer(name: string, min = -Infinity): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
    if (Number.isSafeInteger(number) && (number as number) >= min) return number as number;
    return this.#wrong(name, min === -Infinity ? 'a whole number' : `a whole number, at least ${min}`);
  }

  /** Milliseconds. A bare number counts in milliseconds. */
  duration(name: string, min = 0): number | undefined {
    const value = this.raw(name);
    if (value === undefined || value === '') return undefined;
    const milliseconds = isScalar(value) ? parseDuration(String(value)) : undefined;
    if (milliseconds !== undefined && milliseconds >= min) return milliseconds;
    return this.#wrong(
      name,
      milliseconds === undefined ? 'a duration such as "500ms", "5s" or "1m30s"' : `a duration of at least ${min}ms`,
    );
  }

  oneOf<const V extends string>(name: string, values: readonly V[]): V | undefined {
    const value = this.raw(name);
    if (value === undefined || value === '') return undefined;
    const found =
      typeof value === 'string' ? values.find((one) => one.toLowerCase() === value.toLowerCase()) : undefined;
    return found ?? this.#wrong(name, `one of ${values.map((one) => `"${one}"`).join(', ')}`);
  }

  /** An object's reader; the caller calls its {@link done}. */
  object(name: string): FieldReader | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (isObject(value)) return new FieldReader(this.context, [...this.path, this.#spelt(name)], value);
    return this.#wrong(name, 'an object: fields on lines of their own, indented');
  }

  /** A reader for each object of a list; empty when there is none. The caller calls their {@link done}. */
  objects(name: string): FieldReader[] {
    const path = [...this.path, this.#spelt(name)];
    return this.#list(name, 'a list of objects').flatMap((entry, index) => {
      if (isObject(entry)) return [new FieldReader(this.context, [...path, index], entry)];
      this.#wrong(`${name}[${index}]`, 'an object', [...path, index]);
      return [];
    });
  }

  texts(name: string): string[] {
    const path = [...this.path, this.#spelt(name)];
    return this.#list(name, 'a list of texts').flatMap((entry, index) => {
      if (typeof entry === 'string') return [entry];
      this.#wrong(`${name}[${index}]`, 'a text', [...path, index]);
      return [];
    });
  }

  /** A value that may be anything, as text: scalars as they are written, objects and lists as JSON. */
  valueText(name: string): string | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (typeof value === 'string') return value;
    if (!isScalar(value)) return JSON.stringify(value);
    // 2.10 and 12345678901234567890 stay as they were written
    const written = this.context.document.scalarText([...this.path, this.#spelt(name)]);
    return written !== undefined && /^-?\d+(\.\d+)?$/.test(written) ? written : String(value);
  }

  /** A map of texts, each as {@link valueText}. */
  textMap(name: string): Record<string, string> {
    const reader = this.object(name);
    if (reader === undefined) return {};
    return Object.fromEntries(reader.names().map((key) => [key, reader.valueText(key) ?? '']));
  }

  error(message: string, path: Path = this.path): void {
    this.context.problems.error(this.#problem(message, path));
  }

  warn(message: string, path: Path = this.path): void {
    this.context.problems.warn(this.#problem(message, path));
  }

  /** Reports the entries that nobody has asked for. `hint` may say more of one. */
  done(hint: (name: string) => string | undefined = () => undefined): void {
    const known = new Set(this.#known.map((name) => name.toLowerCase()));
    for (const name of Object.keys(this.#object)) {
      if (known.has(name.toLowerCase())) continue;
      const near = nearestName(name, new Set(this.#known));
      const advice = hint(name) ?? (near === undefined ? '' : `; did you mean ${near}?`);
      this.warn(`unknown field ${this.#pathOf(name)} is ignored${advice}`, [...this.path, name]);
    }
  }

  #list(name: string, expected: string): readonly unknown[] {
    const value = this.raw(name);
    if (value === undefined || Array.isArray(value)) return (value ?? []) as readonly unknown[];
    this.#wrong(name, expected);
    return [];
  }

  #wrong(name: string, expected: string, path: Path = [...this.path, this.#spelt(name)]): undefined {
    this.error(`${this.#pathOf(name)} must be ${expected}`, path);
  }

  #problem(message: string, path: Path) {
    const { document, file, resource } = this.context;
    return { file, line: document.lineOf(path), resource, message };
  }

  #pathOf(name: string): string {
    return [...this.path, name]
      .map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`))
      .join('');
  }

  /** The name as the YAML spells it. */
  #spelt(name: string): string {
    if (Object.hasOwn(this.#object, name)) return name;
    const lower = name.toLowerCase();
    return Object.keys(this.#object).find((candidate) => candidate.toLowerCase() === lower) ?? name;
  }
}

export function isObject(value: unknown): value is YamlObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
