import type { ClientDuplexStream } from '@grpc/grpc-js';
import type {
  InternalInvokeRequest,
  InternalInvokeRequestStream,
  InternalInvokeResponseStream,
  StreamPayload,
} from '@outrigger/protocol';
import type { Body } from '@outrigger/runtime';

import { asBuffer, PeerMessageError, pieceSize, markedEnd, piecesOf } from './peer-message.ts';

/** A call to a peer while it lasts: pieces out, pieces in. */
export type PeerStream = ClientDuplexStream<InternalInvokeRequestStream, InternalInvokeResponseStream>;

/** Sends head and body; a short body along with the head. A body that cannot be read cancels the call and is the failure. */
export function send(
  call: PeerStream,
  head: InternalInvokeRequest,
  body: Body,
  onBody: () => void,
): { failure?: unknown } {
  const sending: { failure?: unknown } = {};
  // What is wrong with the call shows where its answer is read.
  call.on('error', () => {});
  if (body === undefined || (body instanceof Uint8Array && body.byteLength <= pieceSize)) {
    call.write(body === undefined ? { request: head } : { request: head, payload: { data: asBuffer(body), seq: 0n } });
    call.end();
    return sending;
  }
  call.write({ request: { ...head, metadata: { ...head.metadata, [markedEnd]: { values: ['empty-piece'] } } } });
  onBody();
  pump(call, body).catch((error: unknown) => {
    sending.failure = error;
    call.cancel();
  });
  return sending;
}

/** Writes as fast as the peer takes it; stops when the call is over. */
async function pump(call: PeerStream, body: Body): Promise<void> {
  let isOver = false;
  let resume: (() => void) | undefined;
  const goOn = (): void => resume?.();
  call.on('drain', goOn);
  call.on('status', () => {
    isOver = true;
    goOn();
  });
  let seq = 0n;
  for await (const payload of piecesOf(body)) {
    seq = payload.seq + 1n;
    if (isOver) return;
    if (call.write({ payload })) continue;
    await new Promise<void>((resolve) => {
      resume = resolve;
    });
  }
  call.write({ payload: { data: Buffer.alloc(0), seq } });
  call.end();
}

/** The piece in each message. `failure` turns what ends the call into what its reader is to see. */
export async function* payloads(
  first: StreamPayload | undefined,
  messages: AsyncIterator<InternalInvokeResponseStream>,
  failure: (error: unknown) => unknown,
): AsyncGenerator<StreamPayload | undefined> {
  yield first;
  for (;;) {
    let next;
    try {
      next = await messages.next();
    } catch (error) {
      throw failure(error);
    }
    if (next.done) return;
    if (next.value.response !== undefined) throw new PeerMessageError('response metadata found in non-leading chunk');
    yield next.value.payload;
  }
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

/** Reads the end of a call whose answer is there already, so that the connection can forget it. */
export function drain(messages: AsyncIterator<unknown>): void {
  messages.next().then(
    (next) => (next.done ? undefined : drain(messages)),
    () => {},
  );
}
