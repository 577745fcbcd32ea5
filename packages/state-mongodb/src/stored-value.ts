import { isUtf8 } from 'node:buffer';
import type { Long } from 'mongodb';

/** A value as it stands in a document. */
export interface StoredValue {
  /** The JSON object or list itself, so that it can be queried; any other text; or bytes that are no text. */
  readonly value: unknown;
  /** The text as it was sent, where {@link renderValue} would give another one back. */
  readonly exactText?: string;
}

// The server takes 100 levels in a document; the value begins on the second.
const deepest = 90;

/** JSON objects and lists become BSON, as Dapr keeps them; what BSON cannot hold as it is stays a text. */
export function storedValue(bytes: Uint8Array): StoredValue {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // a copy: the caller may use its buffer again before it is sent
  if (!isUtf8(buffer)) return { value: Buffer.from(buffer) };
  const text = buffer.toString();
  const structure = parseStructure(text);
  if (structure === undefined) return { value: text };
  const rendered = JSON.stringify(structure);
  // half of a surrogate pair has no UTF-8
  if (rendered.includes(String.raw`\ud`)) return { value: text };
  return rendered === text ? { value: structure } : { value: structure, exactText: text };
}

/** The bytes of a value that this or Dapr or anybody else has stored. */
export function renderValue(value: unknown, exactText?: string): Buffer {
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const rendered = JSON.stringify(value ?? null, withLongs);
  // somebody may have changed the value and left the text beside it as it was
  if (exactText !== undefined && JSON.stringify(parseStructure(exactText)) === rendered) return Buffer.from(exactText);
  return Buffer.from(rendered);
}

/** The object or list that the text is, if BSON can hold all of it. */
function parseStructure(text: string): object | undefined {
  if (!/^[\t\n\r ]*[{[]/.test(text)) return undefined;
  try {
    const parsed = JSON.parse(text) as object;
    return fits(parsed, 0) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Names with a dollar or a zero byte, and the one by which the client library tells its own types, would not be taken as data.
 * Names with dots are data, although no query can reach them.
 */
function fits(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth === deepest) return false;
  if (Array.isArray(value)) return value.every((each) => fits(each, depth + 1));
  for (const [name, each] of Object.entries(value)) {
    if (name.startsWith('$') || name === '_bsontype' || name === '__proto__' || name.includes('\0')) return false;
    if (!fits(each, depth + 1)) return false;
  }
  return true;
}

// What 64-bit integers beyond 2^53 come as. JSON has them as numbers of any length.
function withLongs(_: string, value: unknown): unknown {
  return isLong(value) ? json.rawJSON(value.toString()) : value;
}

function isLong(value: unknown): value is Long {
  return typeof value === 'object' && value !== null && '_bsontype' in value && value._bsontype === 'Long';
}

// in Node since 21, in TypeScript's library not yet
const json = JSON as unknown as { rawJSON(text: string): unknown };
