import {
  type InternalInvokeRequest,
  InternalInvokeRequestStream,
  InternalInvokeResponseStream,
  type StreamPayload,
} from '@outrigger/protocol';
import type { Body } from '@outrigger/runtime';

import { asBuffer } from '@outrigger/grpc';
import type { ClientCall } from '@outrigger/grpc/client';
import { markedEnd, PeerMessageError, pieceSize, piecesOf } from './peer-message.ts';

/** Sends head and body; a short body along with the head. A body that cannot be read cancels the call and is the failure. */
export function send(
  call: ClientCall,
  head: InternalInvokeRequest,
  body: Body,
  onBody: () => void,
): { failure?: unknown } {
  const sending: { failure?: unknown } = {};
  if (body === undefined || (body instanceof Uint8Array && body.byteLength <= pieceSize)) {
    call.end(
      encoded(body === undefined ? { request: head } : { request: head, payload: { data: asBuffer(body), seq: 0n } }),
    );
    return sending;
  }
  call.send(
    encoded({ request: { ...head, metadata: { ...head.metadata, [markedEnd]: { values: ['empty-piece'] } } } }),
  );
  onBody();
  pump(call, body).catch((error: unknown) => {
    sending.failure = error;
    call.cancel();
  });
  return sending;
}

/** Writes as fast as the peer takes it; stops when the call is over. */
async function pump(call: ClientCall, body: Body): Promise<void> {
  let seq = 0n;
  for await (const payload of piecesOf(body)) {
    seq = payload.seq + 1n;
    if (call.isOver) return;
    if (!call.send(encoded({ payload }))) await call.writable();
  }
  call.end(encoded({ payload: { data: Buffer.alloc(0), seq } }));
}

function encoded(message: InternalInvokeRequestStream): Uint8Array {
  return InternalInvokeRequestStream.encode(message).finish();
}

/** The piece in each message. `failure` is asked for what the reader is to see when the call ends otherwise than well. */
export async function* payloads(
  first: StreamPayload | undefined,
  call: ClientCall,
  failure: () => unknown,
): AsyncGenerator<StreamPayload | undefined> {
  yield first;
  for (let bytes = await call.read(); bytes !== undefined; bytes = await call.read()) {
    const { payload, response } = InternalInvokeResponseStream.decode(bytes);
    if (response !== undefined) throw new PeerMessageError('response metadata found in non-leading chunk');
    yield payload;
  }
  if (call.status.status !== 'OK') throw failure();
}

/** A body whose reader may leave at any time, also before it began to read. */
export function cancellable(
  bytes: AsyncGenerator<Uint8Array, void>,
  cancel: () => void,
): AsyncIterableIterator<Uint8Array, void> {
  return {
    next: () => bytes.next(),
    return: () => {
      cancel();
      return bytes.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
