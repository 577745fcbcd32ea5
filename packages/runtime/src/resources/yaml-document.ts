// Only the types: naming them in braces would load the library.
import type * as Yaml from 'js-yaml';

export type Path = readonly (string | number)[];

/** A syntax error, with its line. */
export class YamlError extends Error {
  readonly line: number;

  constructor(reason: string, line: number, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'YamlError';
    this.line = line;
  }
}

type YamlLibrary = typeof Yaml;

/** One document of a file: its value, and where each part of it stands. Positions cost nothing until one is asked for. */
export class YamlDocument {
  readonly value: unknown;
  readonly #source: string;
  readonly #events: readonly Yaml.Event[];
  readonly #library: YamlLibrary;
  #root: Located | undefined;

  constructor(value: unknown, source: string, events: readonly Yaml.Event[], library: YamlLibrary) {
    this.value = value;
    this.#source = source;
    this.#events = events;
    this.#library = library;
  }

  /** The line of the entry at `path`, counted from 1; of the nearest thing around it when there is no such entry. */
  lineOf(path: Path): number {
    return lineAt(this.#source, this.#find(path).found.start);
  }

  /** The text of the scalar at `path` as it was written; `undefined` when it is no scalar, or came through an alias. */
  scalarText(path: Path): string | undefined {
    const { found, complete } = this.#find(path);
    return complete && found.scalar !== undefined
      ? this.#library.getScalarValue(this.#source, found.scalar)
      : undefined;
  }

  #find(path: Path): { readonly found: Located; readonly complete: boolean } {
    this.#root ??= locate(this.#events, this.#source, this.#library);
    let found = this.#root;
    for (const step of path) {
      const next = found.children?.get(step);
      if (next === undefined) return { found, complete: false };
      found = next;
    }
    return { found, complete: true };
  }
}

/** Parses all documents of a file; those that are empty are left out. Rejects with a {@link YamlError}. */
export async function parseYaml(source: string): Promise<YamlDocument[]> {
  // Imported here: a runtime without YAML files does without it.
  const library = await import('js-yaml');
  const text = source.startsWith('\uFEFF') ? source.slice(1) : source;
  try {
    const events = library.parseEvents(text, {});
    const schema = library.CORE_SCHEMA.withTags(library.mergeTag);
    // A key that stands twice: the last one counts, as in Dapr.
    const values = library.constructFromEvents(events, { source: text, schema, maxAliases: 1000, json: true });
    const parts = splitDocuments(events, library.EVENT_ID.DOCUMENT);
    return values
      .map((value, index) => new YamlDocument(value, text, parts[index] ?? [], library))
      .filter(({ value }) => value !== null && value !== undefined);
  } catch (error) {
    if (!(error instanceof library.YAMLException)) throw error;
    throw new YamlError(error.reason, (error.mark?.line ?? 0) + 1, { cause: error });
  }
}

function splitDocuments(events: readonly Yaml.Event[], document: Yaml.Event['type']): Yaml.Event[][] {
  const parts: Yaml.Event[][] = [];
  for (const event of events) {
    if (event.type === document) parts.push([]);
    else parts.at(-1)?.push(event);
  }
  return parts;
}

interface Located {
  readonly start: number;
  readonly scalar?: Yaml.ScalarEvent;
  readonly children?: Map<string | number, Located>;
}

/** Walks the events of one document. An entry of a mapping starts where its key does. */
function locate(events: readonly Yaml.Event[], source: string, { EVENT_ID: id, getScalarValue }: YamlLibrary): Located {
  let index = 0;
  const value = (start?: number): Located => {
    const event = events[index++];
    if (event?.type === id.SCALAR) return { start: start ?? event.valueStart, scalar: event };
    if (event?.type === id.ALIAS) return { start: start ?? event.anchorStart };
    if (event?.type !== id.SEQUENCE && event?.type !== id.MAPPING) return { start: start ?? 0 };
    const children = new Map<string | number, Located>();
    while (index < events.length && events[index]?.type !== id.POP) {
      if (event.type === id.SEQUENCE) {
        children.set(children.size, value());
        continue;
      }
      const key = value();
      children.set(key.scalar === undefined ? '' : getScalarValue(source, key.scalar), value(key.start));
    }
    index++;
    return { start: start ?? event.start, children };
  };
  return value();
}

function lineAt(source: string, offset: number): number {
  let line = 1;
  for (let next = source.indexOf('\n'); next !== -1 && next < offset; next = source.indexOf('\n', next + 1)) line++;
  return line;
}
