import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';

import { errorMessage } from '@outrigger/core';
import { grpcStatus, type HeaderMap } from '@outrigger/runtime';

import { earlyStatus } from './early-status.ts';
import { copiedSize, frame, FrameError, framePrefix, messageOverhead, MessageReader } from './message-frames.ts';
import { metadataOf } from './metadata-entries.ts';
import { type CallStatus, endedWith, statusIn, statusOfHttp, statusOfReset, statusOfType } from './call-status.ts';

/** Bytes of unread messages from which on the server is asked to wait. */
const highWater = 64 * 1024;
const cancelCode = 0x8;

/** The connection that a call is on. */
export interface CallConnection {
  /** Set before the streams on it learn that it is gone. */
  readonly isLost: boolean;
  /** Told when the call is over. */
  readonly callEnded: () => void;
}

/** Is told how a call went: its status code, and the bytes of its messages. */
export type CallEnded = (code: number, received: number, sent: number) => void;

/**
 * One call, its messages as bytes. Nothing here rejects: how a call went stands in {@link ClientCall.status} when its messages are
 * at their end.
 */
export class ClientCall {
  readonly #stream: ClientHttp2Stream;
  readonly #connection: CallConnection;
  readonly #reader: MessageReader;
  readonly #messages: Buffer[] = [];
  /** What {@link #messages} take, in bytes. */
  #unread = 0;
  #isPaused = false;
  #isIgnored = false;
  #waiting: ((message: Buffer | undefined) => void) | undefined;
  #drained: (() => void) | undefined;
  #headers: HeaderMap | undefined;
  #headersCome: Promise<HeaderMap | undefined> | undefined;
  #onHeaders: ((headers: HeaderMap | undefined) => void) | undefined;
  #httpStatus = 200;
  /** In the trailers; it counts once all messages are there. */
  #told: CallStatus | undefined;
  /** The server has said that it ends the call with one message, and well. */
  #endsWithMessage = false;
  #isRead = false;
  #failure: unknown;
  #status: CallStatus | undefined;
  #onEnd: (() => void) | undefined;
  readonly #ended: CallEnded | undefined;
  #sent = 0;
  #received = 0;

  /** @param maxMessageSize in bytes; Infinity: no limit */
  constructor(stream: ClientHttp2Stream, connection: CallConnection, maxMessageSize: number, ended?: CallEnded) {
    this.#ended = ended;
    this.#stream = stream;
    this.#connection = connection;
    this.#reader = new MessageReader(maxMessageSize);
    stream.on('response', (headers: IncomingHttpHeaders, flags: number, raw?: string[]) => {
      this.#respond(headers, raw ?? rawOf(headers));
    });
    stream.on('trailers', (headers: IncomingHttpHeaders, flags: number, raw?: string[]) => {
      this.#told = statusIn(headers, raw ?? rawOf(headers));
      if (this.#isRead) this.#finish();
    });
    stream.on('data', (piece: Buffer) => this.#take(piece));
    stream.on('end', () => {
      this.#isRead = true;
      if (this.#told !== undefined) this.#finish();
    });
    stream.on('error', (error: unknown) => (this.#failure = error));
    stream.on('close', () => this.#finish());
    stream.on('drain', () => this.#resumeSending());
  }

  /** How the call ended. Throws while it lasts: it is known once {@link read} has come to the end. */
  get status(): CallStatus {
    if (this.#status === undefined) throw new Error('the call is not over');
    return this.#status;
  }

  get isOver(): boolean {
    return this.#status !== undefined;
  }

  /** Calls back once, when the call is over; at once when it is. Messages may be left to read. */
  onEnd(listener: () => void): void {
    if (this.#status !== undefined) listener();
    else this.#onEnd = listener;
  }

  /** Whether the server has answered anything before the end of the call. */
  get hasAnswered(): boolean {
    return this.#headers !== undefined;
  }

  /** Resolves to the metadata ahead of the first message; `undefined` when the call has ended without. */
  headers(): Promise<HeaderMap | undefined> {
    if (this.#headers !== undefined || this.#status !== undefined) return Promise.resolve(this.#headers);
    this.#headersCome ??= new Promise((resolve) => (this.#onHeaders = resolve));
    return this.#headersCome;
  }

  /** Sends a message; no effect once the call is over. `false`: wait for {@link writable} before sending the next one. */
  send(message: Uint8Array): boolean {
    if (this.#status !== undefined || this.#stream.writableEnded || this.#stream.destroyed) return true;
    this.#sent += message.byteLength;
    if (message.byteLength <= copiedSize) return this.#stream.write(frame(message));
    // HTTP/2 puts both into one frame.
    this.#stream.cork();
    this.#stream.write(framePrefix(message.byteLength));
    const goesOn = this.#stream.write(message);
    this.#stream.uncork();
    return goesOn;
  }

  /** Resolves when more may be sent, or when the call is over. One may wait at a time. */
  writable(): Promise<void> {
    if (this.#status !== undefined || !this.#stream.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => (this.#drained = resolve));
  }

  /** No more messages will be sent, but for this one. */
  end(last?: Uint8Array): void {
    if (this.#status !== undefined || this.#stream.writableEnded || this.#stream.destroyed) return;
    if (last === undefined) this.#stream.end();
    else {
      this.#sent += last.byteLength;
      this.#stream.end(frame(last));
    }
  }

  /** Resolves to the next message; to `undefined` when there are no more. One may read at a time. */
  read(): Promise<Buffer | undefined> {
    const message = this.#messages.shift();
    if (message !== undefined) {
      this.#unread -= message.byteLength + messageOverhead;
      if (this.#isPaused && this.#unread < highWater) this.#resume();
      return Promise.resolve(message);
    }
    if (this.#status !== undefined) return Promise.resolve(undefined);
    return new Promise((resolve) => (this.#waiting = resolve));
  }

  /** Messages that are left, or still to come, are dropped: the call ends as the server ends it. */
  ignoreRest(): void {
    this.#isIgnored = true;
    this.#messages.length = 0;
    this.#unread = 0;
    if (this.#isPaused) this.#resume();
  }

  /** Ends the call at both sides; messages that were not read are dropped. */
  cancel(): void {
    this.#end(endedWith('CANCELLED', 'the call was cancelled'), cancelCode);
  }

  #respond(headers: IncomingHttpHeaders, raw: readonly string[]): void {
    this.#httpStatus = Number(headers[':status']);
    const status = statusIn(headers, raw);
    if (status !== undefined) {
      // Headers that are all there is.
      this.#told = status;
      return;
    }
    const refusal = this.#httpStatus === 200 ? statusOfType(headers['content-type']) : statusOfHttp(this.#httpStatus);
    if (refusal !== undefined) {
      this.#end(refusal, cancelCode);
      return;
    }
    this.#endsWithMessage = headers[earlyStatus] === '0';
    this.#headers = metadataOf(raw);
    this.#onHeaders?.(this.#headers);
  }

  #take(piece: Buffer): void {
    if (this.#status !== undefined) return;
    try {
      this.#reader.push(piece, (message) => {
        this.#received += message.byteLength;
        if (this.#endsWithMessage) this.#told = endedWith('OK', '');
        const waiting = this.#waiting;
        if (this.#isIgnored) return;
        if (waiting === undefined) {
          this.#unread += message.byteLength + messageOverhead;
          this.#messages.push(message);
          return;
        }
        this.#waiting = undefined;
        waiting(message);
      });
    } catch (error) {
      const isTooLong = error instanceof FrameError && error.isTooLong;
      this.#end(endedWith(isTooLong ? 'RESOURCE_EXHAUSTED' : 'INTERNAL', errorMessage(error)), cancelCode);
      return;
    }
    if (this.#unread < highWater || this.#isPaused) return;
    this.#isPaused = true;
    this.#stream.pause();
  }

  #resume(): void {
    this.#isPaused = false;
    this.#stream.resume();
  }

  #finish(): void {
    if (this.#status !== undefined) return;
    const isWhole = this.#reader.isBetweenMessages;
    if (this.#told !== undefined && (isWhole || this.#told.status !== 'OK')) return this.#end(this.#told, undefined);
    const { rstCode } = this.#stream;
    if (this.#connection.isLost) {
      const reason = this.#failure === undefined ? '' : `: ${errorMessage(this.#failure)}`;
      const message = `the connection was lost before the call had ended${reason}`;
      this.#end(endedWith('UNAVAILABLE', message, { isBroken: true }), undefined);
    } else if (rstCode) this.#end(statusOfReset(rstCode), undefined);
    else if (isWhole) this.#end(endedWith('INTERNAL', 'the server ended the call without a status'), undefined);
    else this.#end(endedWith('INTERNAL', 'the server ended the call in the middle of a message'), undefined);
  }

  #end(status: CallStatus, resetCode: number | undefined): void {
    if (this.#status !== undefined) return;
    this.#status = status;
    if (resetCode !== undefined) {
      this.#messages.length = 0;
      this.#unread = 0;
    }
    const stream = this.#stream;
    if (!stream.closed) {
      // The other side has said all. What is left to be sent nobody waits for; a reset lets both sides forget the stream.
      if (resetCode !== undefined || !stream.writableEnded) stream.close(cancelCode);
      if (this.#isPaused) this.#resume();
    }
    this.#onHeaders?.(this.#headers);
    this.#resumeSending();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(undefined);
    this.#connection.callEnded();
    this.#ended?.(grpcStatus[status.status], this.#received, this.#sent);
    this.#onEnd?.();
  }

  #resumeSending(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }
}

/** For versions of Node.js that do not hand the raw headers over. */
function rawOf(headers: IncomingHttpHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [String(value)]).flatMap((one) => [name, one]),
  );
}
