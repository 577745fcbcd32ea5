import { errorMessage } from '@outrigger/core';

import { decompress } from './message-encoding.ts';
import { copiedSize, frame, FrameError, framePrefix, messageOverhead, MessageReader } from './message-frames.ts';
import { MessageTooLongError } from './message-too-long.ts';
import { type CallInit, ServerCall } from './server-call.ts';
import { type CallContext, GrpcError } from './service.ts';

/** Bytes of unread messages from which on the caller is asked to wait. */
const highWater = 64 * 1024;

/** How to answer a stream of messages; their codec included. */
export interface StreamMethod {
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly encode: (message: unknown) => Uint8Array;
  readonly handle: (requests: AsyncIterable<unknown>, context: CallContext) => AsyncIterable<unknown>;
}

interface Received {
  readonly bytes: Buffer;
  readonly isCompressed: boolean;
}

interface Reader {
  readonly resolve: (result: IteratorResult<unknown, undefined>) => void;
  readonly reject: (reason: unknown) => void;
}

/** A call with messages in one direction or both. Neither side can make this one keep more than it takes. */
export class StreamCall extends ServerCall implements AsyncIterableIterator<unknown, undefined> {
  readonly #method: StreamMethod;
  readonly #reader: MessageReader;
  readonly #received: Received[] = [];
  #unread = 0;
  #isPaused = false;
  #isRead = false;
  #waiting: Reader | undefined;
  #drained: (() => void) | undefined;
  #responses: AsyncIterator<unknown> | undefined;
  #failure: Error | undefined;
  #headersDue = false;

  constructor(init: CallInit, method: StreamMethod) {
    super(init);
    this.#method = method;
    this.#reader = new MessageReader(this.host.maxMessageSize, this.encoding !== undefined);
    this.stream.on('drain', () => this.#resumeSending());
  }

  /** Begins to answer. */
  start(): void {
    this.#answer().catch((error: unknown) => this.fail(error));
  }

  /** Goes out on its own when no message follows at once. */
  override sendHeaders(headers: Parameters<CallContext['sendHeaders']>[0]): void {
    super.sendHeaders(headers);
    if (this.#responses === undefined || this.#headersDue) return;
    this.#headersDue = true;
    process.nextTick(() => {
      if (this.isOver) return;
      try {
        this.respond();
      } catch (error) {
        this.fail(error);
      }
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next request. Rejects when the call was broken off. One may be asked for at a time. */
  next(): Promise<IteratorResult<unknown, undefined>> {
    const received = this.#received.shift();
    if (received !== undefined) {
      this.#unread -= received.bytes.byteLength + messageOverhead;
      if (this.#isPaused && this.#unread < highWater) {
        this.#isPaused = false;
        this.stream.resume();
      }
      return this.#read(received);
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#isRead || this.isOver) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  /** No more requests are wanted. What still comes is not read, and the caller may have to wait until the call has ended. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    return Promise.resolve({ done: true, value: undefined });
  }

  protected take(piece: Buffer): void {
    try {
      this.#reader.push(piece, (bytes, isCompressed) => {
        const received = { bytes, isCompressed };
        const waiting = this.#waiting;
        if (waiting === undefined) {
          this.#unread += bytes.byteLength + messageOverhead;
          this.#received.push(received);
          return;
        }
        this.#waiting = undefined;
        this.#read(received).then(waiting.resolve, waiting.reject);
      });
    } catch (error) {
      const isTooLong = error instanceof FrameError && error.isTooLong;
      const message = errorMessage(error);
      this.breakOff(isTooLong ? new MessageTooLongError(message) : new GrpcError('INTERNAL', message));
      return;
    }
    if (this.#unread < highWater || this.#isPaused) return;
    this.#isPaused = true;
    this.stream.pause();
  }

  protected takeEnd(): void {
    if (!this.#reader.isBetweenMessages) {
      this.breakOff(new GrpcError('INTERNAL', 'the request broke off in the middle of a message'));
      return;
    }
    this.#isRead = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ done: true, value: undefined });
  }

  protected abandoned(reason: Error): void {
    this.#failure = reason;
    this.#received.length = 0;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(reason);
    this.#resumeSending();
    // A handler that waits for something else than its caller is ended here, too.
    this.#responses?.return?.().catch(() => {});
  }

  async #read({ bytes, isCompressed }: Received): Promise<IteratorResult<unknown, undefined>> {
    const plain =
      isCompressed && this.encoding !== undefined
        ? await decompress(bytes, this.encoding, this.host.maxMessageSize)
        : bytes;
    return { done: false, value: this.#method.decode(plain) };
  }

  async #answer(): Promise<void> {
    const { handle, encode } = this.#method;
    const responses = handle(this, this)[Symbol.asyncIterator]();
    this.#responses = responses;
    try {
      for (;;) {
        const next = await responses.next();
        if (this.isOver) return;
        if (next.done) {
          const last: unknown = next.value;
          if (last === undefined) this.finish(0, '');
          else this.finishWith(frame(encode(last)));
          return;
        }
        if (!this.#write(encode(next.value))) await this.#writable();
        if (this.isOver) return;
      }
    } catch (error) {
      // a handler whose answer cannot be sent is ended, too
      responses.return?.().catch(() => {});
      throw error;
    }
  }

  /** `false`: the caller is behind. */
  #write(message: Uint8Array): boolean {
    const { stream } = this;
    this.respond();
    if (message.byteLength <= copiedSize) return stream.write(frame(message));
    // HTTP/2 puts both into one frame.
    stream.cork();
    stream.write(framePrefix(message.byteLength));
    const goesOn = stream.write(message);
    stream.uncork();
    return goesOn;
  }

  #writable(): Promise<void> {
    if (this.isOver || !this.stream.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => (this.#drained = resolve));
  }

  #resumeSending(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }
}
