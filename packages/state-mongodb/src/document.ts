import { ComponentError, type StateItem } from '@outrigger/core';
import { BSON } from 'mongodb';
import { renderValue, storedValue } from './stored-value.ts';

/** A document as Dapr lays it out, and beside that the exact text, which Dapr does not look at. */
export interface ItemDocument {
  readonly _id: string;
  readonly value?: unknown;
  readonly _etag?: string;
  readonly _ttl?: Date | null;
  /** How the JSON value was spelt, as of the write that gave this etag. */
  readonly _exact?: { readonly etag?: unknown; readonly text?: unknown };
}

/** What the server takes, less what stands around the value. */
const maxDocumentBytes = 16 * 1024 * 1024;
const aroundValue = 1024;

/** The fields of a new document but its key. `invalid-argument` when it is larger than the server takes. */
export function fieldsOf(key: string, bytes: Uint8Array, etag: string, expiresAt: Date | null) {
  const room = maxDocumentBytes - aroundValue - 3 * key.length;
  if (bytes.byteLength > room) {
    const size = `${bytes.byteLength} bytes`;
    throw new ComponentError(
      'invalid-argument',
      `the value of "${key}" has ${size}; MongoDB takes 16 MiB with its key`,
    );
  }
  const { value, exactText } = storedValue(bytes);
  const fields = { value, _etag: etag, _ttl: expiresAt };
  if (typeof value !== 'object' || Buffer.isBuffer(value)) return fields;
  const all = exactText === undefined ? fields : { ...fields, _exact: { etag, text: exactText } };
  // BSON may need more room than JSON, up to six times as much; then the text alone is kept
  if (bytes.byteLength > 1024 * 1024 && BSON.calculateObjectSize(all) > room) {
    return { ...fields, value: Buffer.from(bytes).toString() };
  }
  return all;
}

/** The item in the bytes of a document; they are kept, not copied. */
export function itemOf(bytes: Uint8Array): { readonly key: string } & StateItem {
  const { document, value } = parse(bytes);
  const { _id: key, _etag: etag, _ttl: expiresAt, _exact: exact } = document;
  const exactText = exact?.etag === etag && typeof exact?.text === 'string' ? exact.text : undefined;
  return {
    key: String(key),
    value: value ?? renderValue(document.value, exactText),
    ...(typeof etag === 'string' && { etag }),
    ...(expiresAt instanceof Date && { expiresAt }),
  };
}

const options = { promoteBuffers: true };

/** Dapr writes bytes that are no UTF-8 as a text all the same; such a value is given as bytes. */
function parse(bytes: Uint8Array): { document: ItemDocument; value?: Uint8Array } {
  try {
    return { document: BSON.deserialize(bytes, options) as ItemDocument };
  } catch (error) {
    if (!BSON.BSONError.isBSONError(error)) throw error;
    const document = BSON.deserialize(bytes, { ...options, validation: { utf8: { value: false } } }) as ItemDocument;
    const name = Buffer.from('\x02value\0');
    return typeof document.value === 'string' ? { document, value: textBytes(bytes, name) } : { document };
  }
}

/** The bytes of the text in the first element that begins with `head`. */
function textBytes(document: Uint8Array, head: Uint8Array): Uint8Array {
  for (const [type, nameOffset, nameLength, offset, length] of BSON.onDemand.parseToElements(document)) {
    const isIt =
      head[0] === type &&
      Buffer.compare(document.subarray(nameOffset, nameOffset + nameLength), head.subarray(1, -1)) === 0;
    // its length goes before it, a zero byte ends it
    if (isIt) return document.subarray(offset + 4, offset + length - 1);
  }
  throw new ComponentError('internal', 'a document has no value');
}
