import {
  type InternalInvokeRequest,
  type InternalInvokeRequestStream,
  type InternalInvokeResponse,
  type InternalInvokeResponseStream,
  ServiceInvocationDefinition,
  type StreamPayload,
} from '@outrigger/protocol';
import { type AppRequest, type AppResponse, type Body, type Invocation, isUntouchedByApp } from '@outrigger/runtime';

import { asBuffer, type CallContext, GrpcError, type Service, stream, unary } from '@outrigger/grpc';
import {
  answerToPeer,
  bytesOf,
  isWhole,
  markedEnd,
  markedUntouched,
  PeerMessageError,
  pieceSize,
  piecesOf,
  requestOf,
  responseHead,
} from './peer-message.ts';
import { trailersToPeer } from './peer-trailers.ts';
import { bodyLimit, bytesUpTo, tooLong } from './whole-body.ts';

/**
 * Dapr's `ServiceInvocation` as far as apps are concerned: what other sidecars ask of this one.
 *
 * @param maxBodySize bytes of the longest answer that is sent whole; 0: no limit. Default 4 MiB
 */
export function serviceInvocation(invocation: Pick<Invocation, 'fromPeer'>, maxBodySize?: number): Service {
  const limit = bodyLimit(maxBodySize);
  const { fullName, methods } = ServiceInvocationDefinition;

  async function answerOf(request: AppRequest, context: CallContext): Promise<AppResponse> {
    try {
      return answerToPeer(await invocation.fromPeer(request, context.peer, context.signal));
    } catch (error) {
      if (isUntouchedByApp(error)) context.addTrailers({ [markedUntouched]: '1' });
      throw error;
    }
  }

  async function callLocal(head: InternalInvokeRequest, context: CallContext): Promise<InternalInvokeResponse> {
    const bytes = head.message?.data?.value;
    const request = understood(() => requestOf(head, bytes?.byteLength ? bytes : undefined));
    const answer = await answerOf(request, context);
    const response = responseHead(answer);
    const value = await bytesUpTo(limit, answer.body);
    if (value === undefined) throw new GrpcError('RESOURCE_EXHAUSTED', tooLong(limit));
    const { contentType = '', data } = response.message ?? {};
    return { ...response, message: { contentType, data: { typeUrl: data?.typeUrl ?? '', value } } };
  }

  async function* callLocalStream(
    messages: AsyncIterable<InternalInvokeRequestStream>,
    context: CallContext,
  ): AsyncGenerator<InternalInvokeResponseStream, InternalInvokeResponseStream | void> {
    const incoming = messages[Symbol.asyncIterator]();
    const leading = await incoming.next();
    if (leading.done)
      throw new GrpcError('INVALID_ARGUMENT', 'parsing InternalInvokeRequest error: no message was sent');
    const { request: head, payload } = leading.value;
    const bodiless = understood(() => requestOf(head, undefined));
    const { [markedEnd]: mark, ...headers } = bodiless.headers;
    const whole = (piece: Uint8Array): boolean => isWhole(headers, piece);
    const body = await bodyFrom(payload, incoming, whole, mark !== undefined);
    const answer = await answerOf({ ...bodiless, headers, body }, context);

    const response = responseHead(answer);
    const { body: answered } = answer;
    // A short body goes along with the head; of one that streams the head goes ahead.
    if (answered === undefined || (answered instanceof Uint8Array && answered.byteLength === 0)) return { response };
    if (answered instanceof Uint8Array && answered.byteLength <= pieceSize) {
      return { response, payload: { data: asBuffer(answered), seq: 0n } };
    }
    yield { response };
    for await (const payload of piecesOf(answered)) yield { payload };
    const trailers = trailersToPeer(answer);
    if (trailers !== undefined) context.addTrailers(trailers);
  }

  return {
    name: fullName,
    methods: [unary(methods.callLocal, callLocal), stream(methods.callLocalStream, callLocalStream)],
  };
}

/**
 * The body behind a leading message: the piece in it, when that is all; else a stream. Whether there is a body at all shows only
 * in the next message where the first has no piece.
 */
async function bodyFrom(
  first: StreamPayload | undefined,
  incoming: AsyncIterator<InternalInvokeRequestStream>,
  isAll: (piece: Uint8Array) => boolean,
  isEndMarked: boolean,
): Promise<Body> {
  if (first !== undefined && first.seq === 0n && isAll(first.data)) return first.data;
  let payload = first;
  if (payload === undefined) {
    const next = await incoming.next();
    if (next.done) return undefined;
    payload = payloadOf(next.value);
  }
  return bytesOf(payloadsFrom(payload, incoming, isEndMarked));
}

async function* payloadsFrom(
  first: StreamPayload | undefined,
  incoming: AsyncIterator<InternalInvokeRequestStream>,
  isEndMarked: boolean,
): AsyncGenerator<StreamPayload | undefined> {
  let last = first;
  yield first;
  for (let next = await incoming.next(); !next.done; next = await incoming.next()) yield (last = payloadOf(next.value));
  if (isEndMarked && last?.data.byteLength !== 0) throw new PeerMessageError('the body broke off');
}

function payloadOf(message: InternalInvokeRequestStream): StreamPayload | undefined {
  if (message.request !== undefined) throw new PeerMessageError('request metadata found in non-leading chunk');
  return message.payload;
}

function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof PeerMessageError) {
      throw new GrpcError('INVALID_ARGUMENT', `parsing InternalInvokeRequest error: ${error.message}`);
    }
    throw error;
  }
}
