import type { RequestMetadata } from '@outrigger/core';
import {
  malformedBody,
  malformedRequest,
  queryFailed,
  type SaveItem,
  type TransactionOperation,
} from '@outrigger/runtime';

import {
  asArray,
  asMetadata,
  asObject,
  asText,
  isObject,
  lowerCased,
  parseBody,
  type Refuse,
} from '../../http/json-body.ts';
import { JsonText } from '../../http/json-text.ts';

const jsonNull = Buffer.from('null');

/** Metadata of an item under that of the query, which wins. */
function merged(own: RequestMetadata | undefined, query: RequestMetadata): RequestMetadata | undefined {
  for (const _ in query) return { ...own, ...query };
  return own;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Item = Writable<Omit<SaveItem, 'value'>>;

/** The members of an item, their names in any case; unknown ones are left out. */
function readItem(value: unknown, what: string, query: RequestMetadata, refuse: Refuse): Item {
  if (!isObject(value)) throw refuse(`${what} must be an object`);
  const item: Item = { key: '' };
  let metadata: RequestMetadata | undefined;
  for (const name in value) {
    const member = value[name];
    switch (name.toLowerCase()) {
      case 'key':
        item.key = asText(member, `${what}.key`, refuse) ?? '';
        break;
      case 'etag': {
        const etag = asText(member, `${what}.etag`, refuse);
        if (etag !== undefined) item.etag = etag;
        break;
      }
      case 'contenttype': {
        const contentType = asText(member, `${what}.contentType`, refuse);
        if (contentType !== undefined) item.contentType = contentType;
        break;
      }
      case 'metadata':
        metadata = asMetadata(member, `${what}.metadata`, refuse);
        break;
      case 'options':
        readOptions(item, asObject(member, `${what}.options`, refuse), what, refuse);
        break;
      default:
    }
  }
  metadata = merged(metadata, query);
  if (metadata !== undefined) item.metadata = metadata;
  return item;
}

/** The building block checks the words; here they are any text. */
function readOptions(item: Item, options: Readonly<Record<string, unknown>> | undefined, what: string, refuse: Refuse) {
  for (const name in options) {
    const word = name.toLowerCase();
    if (word !== 'concurrency' && word !== 'consistency') continue;
    const text = asText(options[name], `${what}.options.${word}`, refuse);
    if (text !== undefined) Object.assign(item, { [word]: text });
  }
}

function valueAt(body: Buffer, text: JsonText, at: number): Uint8Array {
  const span = text.member(at, 'value');
  return span === undefined ? jsonNull : body.subarray(span.start, span.end);
}

/** The items of `POST /v1.0/state/{store}`. Values are the bytes that were sent; a missing one is `null`. */
export function readSaveItems(body: Buffer, query: RequestMetadata): SaveItem[] {
  const parsed = asArray(parseBody(body, malformedRequest), 'the body', malformedRequest);
  if (parsed.length === 0) return [];
  const text = new JsonText(body);
  const starts = text.elements(text.root);
  return parsed.map((value, index) => {
    const item = readItem(value, `item ${index}`, query, malformedRequest);
    return { ...item, value: valueAt(body, text, starts[index] ?? 0) };
  });
}

export interface BulkGetBody {
  readonly keys: readonly string[];
  readonly parallelism: number;
  readonly metadata?: RequestMetadata;
}

/** The body of `POST /v1.0/state/{store}/bulk`. */
export function readBulkGet(body: Buffer, query: RequestMetadata): BulkGetBody {
  const members = lowerCased(parseBody(body, malformedBody), malformedBody);
  const keys = asArray(members['keys'], 'keys', malformedBody).map((key) => asText(key, 'a key', malformedBody) ?? '');
  const parallelism = members['parallelism'] ?? 0;
  if (!Number.isInteger(parallelism)) throw malformedBody('parallelism must be a whole number');
  const metadata = merged(asMetadata(members['metadata'], 'metadata', malformedBody), query);
  return { keys, parallelism: parallelism as number, ...(metadata && { metadata }) };
}

export interface TransactionBody {
  readonly operations: readonly TransactionOperation[];
  readonly metadata: RequestMetadata;
}

/** The body of `POST /v1.0/state/{store}/transaction`. The query's metadata goes to the transaction and to each operation. */
export function readTransaction(body: Buffer, query: RequestMetadata): TransactionBody {
  const members = lowerCased(parseBody(body, malformedBody), malformedBody);
  const operations = asArray(members['operations'], 'operations', malformedBody);
  const metadata = merged(asMetadata(members['metadata'], 'metadata', malformedBody), query) ?? {};
  if (operations.length === 0) return { operations: [], metadata };
  const text = new JsonText(body);
  const starts = text.elements(text.member(text.root, 'operations')?.start ?? 0);
  return {
    metadata,
    operations: operations.map((value, index) => {
      const what = `operation ${index}`;
      const { operation, request = {} } = lowerCased(value, malformedBody);
      const item = readItem(request ?? {}, `${what}.request`, query, malformedBody);
      const at = text.member(starts[index] ?? 0, 'request')?.start;
      const bytes = at === undefined || request === null ? jsonNull : valueAt(body, text, at);
      const word = asText(operation, `${what}.operation`, malformedBody) ?? '';
      // The building block refuses words that are neither.
      if (word === 'delete') return { operation: word, request: item };
      return { operation: word as 'upsert', request: { ...item, value: bytes, isJson: true } };
    }),
  };
}

/** The text of a query as parsed JSON. */
export function readQuery(text: Buffer, store: string): unknown {
  return parseBody(text, (reason) => queryFailed(store, `failed to parse JSON query body: ${reason}`));
}
