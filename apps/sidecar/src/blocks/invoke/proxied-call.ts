import { ComponentError, errorMessage } from '@outrigger/core';
import { grpcStatus, type HeaderMap, type ProxyAnswer } from '@outrigger/runtime';

import type { ClientCall, GrpcClient } from '@outrigger/grpc/client';
import { type CallContext, GrpcError } from '@outrigger/grpc';
import type { ProxyMessages } from './proxy-messages.ts';

export interface ProxiedCallOptions {
  readonly client: GrpcClient;
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly metadata: HeaderMap;
  readonly messages: ProxyMessages;
  /** The caller's. */
  readonly context: CallContext;
  /** Ends the attempt, as long as nothing was answered. */
  readonly signal: AbortSignal;
}

/** A call that is handed on: messages go to and fro as fast as both sides take them. */
export class ProxiedCall implements ProxyAnswer {
  readonly #call: ClientCall;
  readonly #messages: ProxyMessages;
  #failure: GrpcError | undefined;

  private constructor(call: ClientCall, messages: ProxyMessages) {
    this.#call = call;
    this.#messages = messages;
  }

  /**
   * Makes the call on a connection that is up. Resolves when something was answered, be it the end. Rejects with ComponentError
   * `unavailable` when the server has not begun with it.
   */
  static async begin({ client, path, metadata, messages, context, signal }: ProxiedCallOptions): Promise<ProxiedCall> {
    signal.throwIfAborted();
    const call = client.call(path, metadata, context.deadline);
    const proxied = new ProxiedCall(call, messages);
    const onAbort = (): void => call.cancel();
    signal.addEventListener('abort', onAbort);
    context.signal.addEventListener('abort', onAbort);
    call.onEnd(() => context.signal.removeEventListener('abort', onAbort));
    void proxied.#send();
    try {
      // Who says that the call is a stream wants policies to end with its beginning.
      if (isTrue(context.metadata('dapr-stream'))) return proxied;
      const headers = await call.headers();
      if (headers === undefined && call.status.isUntouched && !messages.isStream) {
        throw new ComponentError('unavailable', call.status.message);
      }
      return proxied;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  get code(): number | undefined {
    return this.#call.isOver && !this.#call.hasAnswered ? grpcStatus[this.#call.status.status] : undefined;
  }

  get isFinal(): boolean {
    return this.#messages.isStream;
  }

  cancel(): void {
    this.#call.cancel();
  }

  /** Answers the caller: metadata, messages, and in the end the status, which is thrown unless it is OK. */
  async *answer(context: CallContext): AsyncGenerator<Uint8Array, void> {
    const call = this.#call;
    this.#messages.answered();
    try {
      const headers = await call.headers();
      if (headers !== undefined) context.sendHeaders(headers);
      for (let message = await call.read(); message !== undefined; message = await call.read()) yield message;
    } finally {
      call.cancel();
    }
    if (this.#failure !== undefined) throw this.#failure;
    const { details, message, status, trailers } = call.status;
    context.addTrailers(trailers);
    if (status !== 'OK') throw new GrpcError(status, message, details);
  }

  /** Hands the caller's messages on, until the call is over. */
  async #send(): Promise<void> {
    const call = this.#call;
    const read = this.#messages.reader();
    try {
      for (let next = await read(); !call.isOver; next = await read()) {
        if (next.done) {
          call.end();
          return;
        }
        if (!call.send(next.value)) await call.writable();
      }
    } catch (error) {
      // The caller's messages break off, or are too long.
      this.#failure = error instanceof GrpcError ? error : new GrpcError('CANCELLED', errorMessage(error));
      call.cancel();
    }
  }
}

/** As Dapr reads a flag: kit's `utils.IsTruthy`. */
function isTrue(text: string | undefined): boolean {
  return text !== undefined && ['y', 'yes', 'true', 't', 'on', '1'].includes(text.trim().toLowerCase());
}
