/** Where something stands in a file, for messages. */
export interface Position {
  /** As the user named the folder, plus the file's name. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
}

/** What every kind of resource has. Resources that are out of scope for this app or namespace are not loaded at all. */
export interface Resource extends Position {
  readonly name: string;
  /** As in the YAML; empty when none is given. */
  readonly namespace: string;
}

/** Where a value comes from: a text, a secret, or the environment. Exactly one of the three is there. */
export interface ValueSource extends Position {
  /** Numbers and booleans as texts, lists and objects as JSON. */
  readonly value?: string;
  /** `key` is filled in: it defaults to the secret's name. */
  readonly secretKeyRef?: { readonly name: string; readonly key: string };
  readonly envRef?: string;
}

/** An entry of a `metadata` or `headers` list. */
export interface NamedValue extends ValueSource {
  readonly name: string;
}
