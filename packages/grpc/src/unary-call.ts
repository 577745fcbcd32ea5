import { errorMessage } from '@outrigger/core';

import { decompress } from './message-encoding.ts';
import { frame, FrameError, MessageReader, wholeMessage } from './message-frames.ts';
import { MessageTooLongError } from './message-too-long.ts';
import { type CallInit, ServerCall } from './server-call.ts';
import { GrpcError, type ServiceMethod } from './service.ts';

export type UnaryMethod = ServiceMethod & { readonly kind: 'unary' };

/** A call with one request and one answer. Its handler begins when the request is there and the caller has said that it is all. */
export class UnaryCall extends ServerCall {
  readonly #method: UnaryMethod;
  #reader: MessageReader | undefined;
  #message: Buffer | undefined;
  #isCompressed = false;

  constructor(init: CallInit, method: UnaryMethod) {
    super(init);
    this.#method = method;
  }

  protected take(piece: Buffer): void {
    // Nearly always: one message, in one piece.
    if (this.#reader === undefined && this.#message === undefined) {
      this.#message = wholeMessage(piece, this.host.maxMessageSize);
      if (this.#message !== undefined) return;
    }
    this.#reader ??= new MessageReader(this.host.maxMessageSize, this.encoding !== undefined);
    try {
      this.#reader.push(piece, (message, isCompressed) => {
        if (this.#message !== undefined) throw new FrameError('more than one message was sent for one request', false);
        this.#message = message;
        this.#isCompressed = isCompressed;
      });
    } catch (error) {
      const isSecond = this.#message !== undefined;
      const isTooLong = error instanceof FrameError && error.isTooLong;
      const message = errorMessage(error);
      this.fail(
        isTooLong ? new MessageTooLongError(message) : new GrpcError(isSecond ? 'UNIMPLEMENTED' : 'INTERNAL', message),
      );
    }
  }

  protected takeEnd(): void {
    const message = this.#message;
    this.#message = undefined;
    if (this.#reader !== undefined && !this.#reader.isBetweenMessages) {
      this.fail(new GrpcError('INTERNAL', 'the request broke off in the middle of a message'));
    } else if (message === undefined) this.fail(new GrpcError('UNIMPLEMENTED', 'no message was sent for the request'));
    else if (!this.#isCompressed || this.encoding === undefined) this.#handle(message);
    else {
      decompress(message, this.encoding, this.host.maxMessageSize).then(
        (plain) => this.#handle(plain),
        (error: unknown) => this.fail(error),
      );
    }
  }

  /** The handler's signal says it all. */
  protected abandoned(): void {}

  #handle(message: Buffer): void {
    if (this.isOver) return;
    const { description, handle } = this.#method;
    try {
      const answer = handle(decoded(description.requestType, message), this);
      if (answer instanceof Promise) answer.then(this.#answer, this.#failed);
      else this.#answer(answer);
    } catch (error) {
      this.fail(error);
    }
  }

  readonly #answer = (response: unknown): void => {
    if (this.isOver) return;
    try {
      this.finishWith(frame(this.#method.description.responseType.encode(response).finish()));
    } catch (error) {
      this.fail(error);
    }
  };

  readonly #failed = (error: unknown): void => this.fail(error);
}

/** The message in these bytes. Throws INTERNAL when there is none. */
export function decoded(type: UnaryMethod['description']['requestType'], bytes: Uint8Array): unknown {
  try {
    return type.decode(bytes);
  } catch (error) {
    throw new GrpcError('INTERNAL', `grpc: error unmarshalling request: ${errorMessage(error)}`);
  }
}
