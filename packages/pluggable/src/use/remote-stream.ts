import { setTimeout as sleep } from 'node:timers/promises';

import { errorMessage, type Logger, type Subscription } from '@outrigger/core';
import type { ClientCall } from '@outrigger/grpc/client';

import { pacedHeader } from '../services.ts';
import { closed, type ComponentSocket, decoded, type RemoteMethod } from './component-socket.ts';
import { remoteError } from './remote-error.ts';

export interface RemoteStreamOptions<I, O> {
  readonly socket: ComponentSocket;
  readonly target: RemoteMethod<I, O>;
  /** Sent as soon as the stream is there, each time anew. */
  readonly first?: I;
  /** Sent in front of it. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What comes over it, for the log: `topic orders`. */
  readonly what: string;
  /** How many messages are handled at a time, unless the component says that it sends no more than may be. */
  readonly concurrency: number;
  /** Handles one message and gives its acknowledgement. Never rejects. The signal aborts when the acknowledgement can reach nobody. */
  readonly handle: (message: O, signal: AbortSignal) => Promise<I>;
  /** Told when this stream is paused or resumed, before that is answered. */
  readonly onPause?: (stream: RemoteStream<I, O>) => Promise<void>;
  readonly onResume?: (stream: RemoteStream<I, O>) => Promise<void>;
  readonly onEnd: (stream: RemoteStream<I, O>) => void;
  readonly logger: Logger;
}

/** Milliseconds for a component to refuse a stream, or to say that it is set up; most say nothing before the first message. */
const openingPatience = 300;
/** Milliseconds for a component to end a stream that is at its end at this side. */
const closingPatience = 5000;
const backoff = { first: 50, most: 5000 };

/**
 * A stream of messages from a component in another process, each answered with an acknowledgement. A stream that breaks is opened anew;
 * what was not acknowledged on it is the component's to send again.
 */
export class RemoteStream<I, O> implements Subscription {
  readonly #options: RemoteStreamOptions<I, O>;
  readonly #running = new Set<Promise<void>>();
  readonly #leaving = new AbortController();
  #call: ClientCall | undefined;
  #isPaused = false;
  /** Called when something changed that the reader may wait for. */
  #wake: (() => void) | undefined;
  #ended: Promise<void> = Promise.resolve();
  #disposed: Promise<void> | undefined;

  private constructor(options: RemoteStreamOptions<I, O>) {
    this.#options = options;
  }

  /** Resolves once the component has been asked and has not refused at once. */
  static async open<I, O>(options: RemoteStreamOptions<I, O>, signal: AbortSignal): Promise<RemoteStream<I, O>> {
    const stream = new RemoteStream(options);
    const opened = await stream.#connect(signal);
    stream.#ended = stream.#run(opened);
    return stream;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.#options.onPause?.(this);
  }

  async resume(): Promise<void> {
    this.#isPaused = false;
    this.#wake?.();
    await this.#options.onResume?.(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposed ??= this.#dispose());
  }

  async #dispose(): Promise<void> {
    this.#leaving.abort(closed());
    this.#wake?.();
    await Promise.all(this.#running);
    const call = this.#call;
    if (call !== undefined) {
      call.end();
      // What it still sends was handed to nobody, and comes again.
      call.ignoreRest();
      const { promise: over, resolve } = Promise.withResolvers<void>();
      call.onEnd(resolve);
      const late = setTimeout(() => call.cancel(), closingPatience);
      await over;
      clearTimeout(late);
    }
    await this.#ended;
    this.#options.onEnd(this);
  }

  async #connect(signal: AbortSignal): Promise<{ readonly call: ClientCall; readonly isPaced: boolean }> {
    const { socket, target, first, headers } = this.#options;
    const call = await socket.open(target, signal, headers);
    const cancel = () => call.cancel();
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    if (first !== undefined) call.send(target.method.requestType.encode(first).finish());
    const patience = new AbortController();
    await Promise.race([
      call.headers(),
      sleep(openingPatience, undefined, { signal: patience.signal }).catch(() => undefined),
    ]);
    patience.abort();
    signal.removeEventListener('abort', cancel);
    signal.throwIfAborted();
    if (call.isOver && call.status.status !== 'OK') throw remoteError(call.status, false);
    const isPaced = call.hasAnswered && (await call.headers())?.[pacedHeader] !== undefined;
    this.#call = call;
    return { call, isPaced };
  }

  async #run(opened: { readonly call: ClientCall; readonly isPaced: boolean }): Promise<void> {
    const { what, logger } = this.#options;
    const { signal } = this.#leaving;
    let current = opened;
    for (;;) {
      await this.#read(current.call, current.isPaced);
      if (signal.aborted) return;
      const { status, message } = current.call.status;
      logger.warn(`the component's stream of ${what} has ended: ${message || status}; it is opened anew`);
      for (let wait = backoff.first; ; wait = Math.min(wait * 2, backoff.most)) {
        try {
          current = await this.#connect(signal);
          break;
        } catch (error) {
          if (signal.aborted) return;
          logger.debug(`the component's stream of ${what} cannot be opened: ${errorMessage(error)}`);
        }
        await sleep(wait, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return;
      }
      logger.info(`the component's stream of ${what} is open again`);
    }
  }

  /** Hands messages over until the stream or this subscription is at its end. */
  async #read(call: ClientCall, isPaced: boolean): Promise<void> {
    const { concurrency } = this.#options;
    const { signal } = this.#leaving;
    const gone = new AbortController();
    call.onEnd(() => gone.abort(remoteError(call.status, false)));
    for (;;) {
      const bytes = await call.read();
      if (bytes === undefined) break;
      while (!signal.aborted && (this.#isPaused || (!isPaced && this.#running.size >= concurrency)))
        await this.#change();
      if (signal.aborted) break;
      const task = this.#handle(call, bytes, gone.signal).finally(() => {
        this.#running.delete(task);
        this.#wake?.();
      });
      this.#running.add(task);
    }
    // The stream says how it ended once it is read to its end.
    if (!signal.aborted) await Promise.allSettled(this.#running);
  }

  async #handle(call: ClientCall, bytes: Buffer, gone: AbortSignal): Promise<void> {
    const { target, handle, what, logger } = this.#options;
    let message: O;
    try {
      message = decoded(target, bytes);
    } catch (error) {
      logger.error(`the component's stream of ${what}: ${errorMessage(error)}`);
      call.cancel();
      return;
    }
    const acknowledgement = await handle(message, gone);
    if (call.isOver) return;
    if (!call.send(target.method.requestType.encode(acknowledgement).finish())) await call.writable();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}
