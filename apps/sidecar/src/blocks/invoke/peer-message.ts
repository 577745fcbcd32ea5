import { isUtf8 } from 'node:buffer';

import {
  APIVersion,
  HTTPExtension_Verb,
  type InternalInvokeRequest,
  type InternalInvokeResponse,
  type ListStringValue,
  type StreamPayload,
} from '@outrigger/protocol';
import { type AppRequest, type AppResponse, type Body, type HeaderMap, methodOf, wholeBody } from '@outrigger/runtime';

import { statusName } from '../../grpc/grpc-js.ts';
import { httpStatusOf } from './http-status.ts';

// How a call between sidecars is laid out in Dapr's internal protocol: pkg/messaging/v1 of 1.18.

type Headers = Record<string, ListStringValue>;

const verbNames = new Map<number, string>(Object.entries(HTTPExtension_Verb).map(([name, number]) => [number, name]));

/** A message that cannot be what the other side meant. */
export class PeerMessageError extends Error {
  override readonly name = 'PeerMessageError';
}

/** A request as the head of a call, without its body. Throws a {@link PeerMessageError} for a verb that the protocol lacks. */
export function requestHead(request: AppRequest): InternalInvokeRequest {
  const { headers, query, verb } = request;
  const number = Object.hasOwn(HTTPExtension_Verb, verb)
    ? HTTPExtension_Verb[verb as keyof typeof HTTPExtension_Verb]
    : 0;
  if (number === 0)
    throw new PeerMessageError(`invalid HTTP verb ${verb}: calls to other apps take GET, POST and the like`);
  return {
    ver: APIVersion.V1,
    metadata: withLength(toLists(headers), request.body),
    message: {
      method: methodOf(request.path),
      contentType: asUnicode(first(headers['content-type'])),
      httpExtension: { verb: number, querystring: query },
    },
  };
}

/** The head of a call as a request, with the body that belongs to it. Throws a {@link PeerMessageError}. */
export function requestOf(head: InternalInvokeRequest | undefined, body: Body): AppRequest {
  const message = head?.message;
  if (head === undefined || message === undefined) {
    throw new PeerMessageError('request does not contain the required fields in the leading chunk');
  }
  const extension = message.httpExtension;
  if (extension === undefined) throw new PeerMessageError('missing HTTP extension field');
  const verb = verbNames.get(extension.verb);
  if (verb === undefined || verb === 'NONE' || verb === 'CONNECT') throw new PeerMessageError('invalid HTTP verb');
  return {
    verb,
    path: message.method,
    query: extension.querystring,
    headers: fromLists(head.metadata, message.contentType),
    body,
  };
}

/** An answer as the head of a response, without its body. */
export function responseHead({ status, headers, body }: AppResponse): InternalInvokeResponse {
  return {
    status: { code: status, message: '', details: [] },
    headers: withLength(toLists(headers), body),
    trailers: {},
    message: { contentType: asUnicode(first(headers['content-type'])) },
  };
}

/**
 * The head of a response as an answer, with the body that belongs to it. The code of an app that speaks gRPC becomes a HTTP
 * status; where it is an error, the body says so in JSON, as Dapr has it. Throws a {@link PeerMessageError}.
 */
export function responseOf(head: InternalInvokeResponse | undefined, body: Body): AppResponse {
  const status = head?.status;
  if (head === undefined || status === undefined) {
    throw new PeerMessageError('response does not contain the required fields in the leading chunk');
  }
  const headers = fromLists(head.headers, head.message?.contentType ?? '');
  const { code, message } = status;
  if (code >= 200 && code <= 599) return { status: code, headers, body };
  if (code < 0 || code >= 100) throw new PeerMessageError(`the app's status ${code} is none`);
  if (code === 0) return { status: 200, headers, body };
  const error = Buffer.from(JSON.stringify({ code, message }));
  return {
    status: httpStatusOf[statusName(code)],
    headers: { ...headers, 'content-type': 'application/json' },
    body: error,
  };
}

/** Whether a body that begins with this piece ends with it, too: its length was told, and this is all of it. */
export function isWhole(headers: HeaderMap, piece: Uint8Array): boolean {
  return headers['content-length'] === String(piece.byteLength);
}

/**
 * The bytes of a body's pieces, which are numbered from 0. `payloads` gives each message's piece, if it has one. Throws a
 * {@link PeerMessageError} at a gap.
 */
export async function* bytesOf(payloads: AsyncIterable<StreamPayload | undefined>): AsyncGenerator<Uint8Array, void> {
  let expected = 0n;
  for await (const payload of payloads) {
    if (payload === undefined) continue;
    if (payload.seq !== expected) {
      throw new PeerMessageError(`invalid sequence number received: ${payload.seq} (expected: ${expected})`);
    }
    expected++;
    if (payload.data.byteLength > 0) yield payload.data;
  }
}

/**
 * Says that a streamed body ends with an empty piece. A cancelled call ends its messages as a complete one does, and which of
 * the two it was shows only later; between our own sidecars this tells. Other peers hand it on as a header and an empty piece.
 */
export const markedEnd = 'outrigger-body-end';

/** Bytes in one message. Dapr sends 2 KiB; any size below the receiver's limit for a message (4 MiB by default) is understood. */
export const pieceSize = 64 * 1024;

/** A body in numbered pieces. */
export async function* piecesOf(body: Body): AsyncGenerator<StreamPayload, void> {
  if (body === undefined) return;
  let seq = 0n;
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    for (let start = 0; start < chunk.byteLength; start += pieceSize) {
      yield { data: asBuffer(chunk.subarray(start, start + pieceSize)), seq: seq++ };
    }
  }
}

/** A whole body, read to its end; nothing for none. Throws what reading it throws. */
export async function bytesOfBody(body: Body): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0);
  return asBuffer(body instanceof Uint8Array ? body : await wholeBody(body));
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Tells the length of a body that goes along, so that the other side sees that no more follows. */
function withLength(lists: Headers, body: Body): Headers {
  if (body instanceof Uint8Array) lists['content-length'] = { values: [String(body.byteLength)] };
  return lists;
}

function toLists(headers: HeaderMap): Headers {
  const lists: Headers = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) lists[name] = { values: (typeof value === 'string' ? [value] : value).map(asUnicode) };
  }
  return lists;
}

// HTTP's headers are bytes, of which Node.js makes characters up to U+00FF; in the protocol they are Unicode.

function asUnicode(value: string): string {
  if (isAscii(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : value;
}

function asBytes(value: string): string {
  return isAscii(value) ? value : Buffer.from(value).toString('latin1');
}

function isAscii(value: string): boolean {
  // oxlint-disable-next-line no-control-regex -- all of ASCII is meant
  return /^[\u0000-\u007f]*$/.test(value);
}

/** Names in lower case; Go's peers send them as `Content-Type`. */
function fromLists(lists: Readonly<Headers>, contentType: string): HeaderMap {
  const headers: Record<string, string | readonly string[]> = {};
  for (const name in lists) {
    const values = (lists[name]?.values ?? []).map(asBytes);
    if (values.length > 0) headers[name.toLowerCase()] = values.length === 1 ? (values[0] ?? '') : values;
  }
  if (contentType !== '') headers['content-type'] = asBytes(contentType);
  return headers;
}

function first(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.[0] ?? '');
}
