import {
  type Any,
  APIVersion,
  HTTPExtension_Verb,
  type InternalInvokeRequest,
  type InternalInvokeResponse,
  type ListStringValue,
  type Status as InternalStatus,
  type StreamPayload,
} from '@outrigger/protocol';
import { Status } from '@outrigger/protocol/rpc';
import {
  type AppRequest,
  type AppResponse,
  type Body,
  type GrpcAppStatus,
  grpcStatus,
  type HeaderMap,
  methodOf,
} from '@outrigger/runtime';

import { asBuffer, statusName } from '@outrigger/grpc';
import { headerBytes, headerText } from '../../http/header-text.ts';
import { grpcAnswer } from './grpc-answer.ts';
import { announcedTrailers } from './peer-trailers.ts';

// How a call between sidecars is laid out in Dapr's internal protocol: pkg/messaging/v1 of 1.18.

type Headers = Record<string, ListStringValue>;

const verbNames = new Map<number, string>(Object.entries(HTTPExtension_Verb).map(([name, number]) => [number, name]));

/** A message that cannot be what the other side meant. */
export class PeerMessageError extends Error {
  override readonly name = 'PeerMessageError';
}

/** The content type in the metadata of a call that came over gRPC: by it peers know one. */
const grpcContentType = 'application/grpc';

/** A request as the head of a call, without its body. Throws a {@link PeerMessageError} for a verb that the protocol lacks. */
export function requestHead(request: AppRequest): InternalInvokeRequest {
  const { body, grpc, headers, path, query, verb } = request;
  const metadata = withLength(toLists(headers), body);
  if (grpc !== undefined) metadata['content-type'] = { values: [grpcContentType] };
  return {
    ver: APIVersion.V1,
    metadata,
    message: {
      method: methodOf(path),
      contentType: headerText(first(headers['content-type'])),
      ...(verb !== '' && { httpExtension: { verb: verbNumber(verb), querystring: query } }),
      ...typed(grpc?.dataTypeUrl),
    },
  };
}

function verbNumber(verb: string): HTTPExtension_Verb {
  if (Object.hasOwn(HTTPExtension_Verb, verb)) return HTTPExtension_Verb[verb as keyof typeof HTTPExtension_Verb];
  throw new PeerMessageError(`invalid HTTP verb ${verb}: calls to other apps take GET, POST and the like`);
}

/** Which protobuf message the body is stands beside it. */
function typed(typeUrl: string | undefined): { readonly data?: Any } {
  return typeUrl ? { data: { typeUrl, value: Buffer.alloc(0) } } : {};
}

/** The head of a call as a request, with the body that belongs to it. Throws a {@link PeerMessageError}. */
export function requestOf(head: InternalInvokeRequest | undefined, body: Body): AppRequest {
  const message = head?.message;
  if (head === undefined || message === undefined) {
    throw new PeerMessageError('request does not contain the required fields in the leading chunk');
  }
  const extension = message.httpExtension;
  const verb = extension === undefined ? '' : verbNames.get(extension.verb);
  if (verb === undefined) throw new PeerMessageError('invalid HTTP verb');
  const headers = fromLists(head.metadata, '');
  const isGrpc = first(headers['content-type']).startsWith(grpcContentType);
  if (isGrpc) delete headers['content-type'];
  if (message.contentType !== '') headers['content-type'] = headerBytes(message.contentType);
  return {
    verb,
    path: message.method,
    query: extension?.querystring ?? '',
    headers,
    body,
    ...(isGrpc && { grpc: { dataTypeUrl: message.data?.typeUrl ?? '' } }),
  };
}

/** An answer as the head of a response, without its body. */
export function responseHead({ status, headers, body, grpc, trailers }: AppResponse): InternalInvokeResponse {
  const lists = toLists(headers);
  if (trailers !== undefined) lists[announcedTrailers] = { values: [trailers.names] };
  return {
    status: grpc === undefined ? { code: status, message: '', details: [] } : statusOfApp(grpc),
    headers: withLength(lists, body),
    trailers: toLists(grpc?.trailers ?? {}),
    message: { contentType: headerText(first(headers['content-type'])), ...typed(grpc?.dataTypeUrl) },
  };
}

function statusOfApp({ details, message, status }: GrpcAppStatus): InternalStatus {
  return { code: grpcStatus[status], message, details: details === undefined ? [] : Status.decode(details).details };
}

/** An answer as a peer is to have it: what an error of an app that speaks gRPC says stands in its status, and not in a body. */
export function answerToPeer(answer: AppResponse): AppResponse {
  if (answer.grpc === undefined || answer.grpc.status === 'OK') return answer;
  const { 'content-type': _, ...headers } = answer.headers;
  return { ...answer, headers, body: undefined };
}

/**
 * The head of a response as an answer, with the body that belongs to it: of an app that speaks HTTP, or of one that speaks gRPC,
 * whose codes are below 100. Throws a {@link PeerMessageError}.
 */
export function responseOf(head: InternalInvokeResponse | undefined, body: Body): AppResponse {
  const status = head?.status;
  if (head === undefined || status === undefined) {
    throw new PeerMessageError('response does not contain the required fields in the leading chunk');
  }
  const headers = fromLists(head.headers, head.message?.contentType ?? '');
  const { code, message, details } = status;
  if (code >= 200 && code <= 599) return { status: code, headers, body };
  if (code < 0 || code >= 100) throw new PeerMessageError(`the app's status ${code} is none`);
  const dataTypeUrl = head.message?.data?.typeUrl;
  const grpc: GrpcAppStatus = {
    status: statusName(code),
    message,
    trailers: fromLists(head.trailers, ''),
    ...(details.length > 0 && { details: Status.encode({ code, message, details }).finish() }),
    ...(dataTypeUrl && { dataTypeUrl }),
  };
  return grpcAnswer(grpc, headers, body);
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

/**
 * Stands behind the error of a call that the app was given nothing of, as it takes no connections or is not healthy. Dapr's words for
 * that are the same as for a call that broke off; between our own sidecars this tells them apart.
 */
export const markedUntouched = 'outrigger-untouched';

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

/** By this very spelling Dapr knows it for HTTP's and keeps it from apps that speak gRPC, whose calls it would break. */
const lengthName = 'Content-Length';

/** Tells the length of a body that goes along, so that the other side sees that no more follows. */
function withLength(lists: Headers, body: Body): Headers {
  if (body instanceof Uint8Array) lists[lengthName] = { values: [String(body.byteLength)] };
  return lists;
}

function toLists(headers: HeaderMap): Headers {
  const lists: Headers = {};
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined) continue;
    const values = (typeof value === 'string' ? [value] : value).map(headerText);
    lists[name === 'content-length' ? lengthName : name] = { values };
  }
  return lists;
}

/** Names in lower case; Go's peers send them as `Content-Type`. */
function fromLists(lists: Readonly<Headers>, contentType: string): Record<string, string | readonly string[]> {
  const headers: Record<string, string | readonly string[]> = {};
  for (const name in lists) {
    const values = (lists[name]?.values ?? []).map(headerBytes);
    if (values.length > 0) headers[name.toLowerCase()] = values.length === 1 ? (values[0] ?? '') : values;
  }
  if (contentType !== '') headers['content-type'] = headerBytes(contentType);
  return headers;
}

function first(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.[0] ?? '');
}
