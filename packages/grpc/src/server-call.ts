import type { ServerHttp2Stream } from 'node:http2';

import { errorMessage, type Logger } from '@outrigger/core';
import { ApiError, grpcStatus, type HeaderMap, type PeerIdentity, withoutSecrets } from '@outrigger/runtime';

import { deadlineTimer } from './call-deadline.ts';
import type { Connection } from './connection.ts';
import { earlyStatus } from './early-status.ts';
import type { MessageEncoding } from './message-encoding.ts';
import { MessageTooLongError } from './message-too-long.ts';
import { addMetadata, escapeMessage, firstOf, metadataOf } from './metadata-entries.ts';
import { type CallContext, GrpcError } from './service.ts';

/** What the calls of one server have in common. */
export interface CallHost {
  /** Infinity: no limit. */
  readonly maxMessageSize: number;
  readonly logger: Logger;
  readonly hideSecrets?: ((text: string) => string) | undefined;
  readonly onError?: ((errorCode: string) => void) | undefined;
  readonly logTooLong: (path: string, error: MessageTooLongError) => void;
}

/** One call as it begins. */
export interface CallInit {
  readonly host: CallHost;
  readonly connection: Connection;
  readonly stream: ServerHttp2Stream;
  readonly path: string;
  /** Names and values of the headers, in turns. */
  readonly rawHeaders: readonly string[];
  /** Milliseconds. */
  readonly timeout: number | undefined;
  readonly encoding: MessageEncoding | undefined;
}

type Headers = Record<string, string | string[] | number>;

/** Bytes ahead of each message. */
const frameHeader = 5;
/** HTTP/2's error code. */
const internalError = 2;
const okTrailers = { 'grpc-status': '0' };
const responseHeaders = { ':status': 200, 'content-type': 'application/grpc' };
const withTrailers = { waitForTrailers: true, sendDate: false };
const headersWithStatus = { ...responseHeaders, [earlyStatus]: '0' };
const withoutTrailers = { endStream: false, sendDate: false };
const withoutBody = { endStream: true, sendDate: false };
/** Where a stream keeps its call, so that all streams share their listeners. */
const callOf = Symbol('call');

interface CallStream extends ServerHttp2Stream {
  [callOf]?: ServerCall;
}

/** A call while it lasts, over HTTP/2: what is the same for one request and for a stream of them. */
export abstract class ServerCall implements CallContext {
  readonly path: string;
  readonly deadline: number | undefined;
  protected readonly host: CallHost;
  protected readonly stream: ServerHttp2Stream;
  protected readonly encoding: MessageEncoding | undefined;
  readonly #connection: Connection;
  readonly #rawHeaders: readonly string[];
  #ended: ((code: number, received: number, sent: number) => void) | undefined;
  /** Bytes of the request, with what goes ahead of each message. */
  #received = 0;
  #sent = 0;
  readonly #timer: NodeJS.Timeout | undefined;
  #abort: AbortController | undefined;
  #initial: Headers | undefined;
  #metadata: Record<string, string | string[]> | undefined;
  /** What is sent when the last message has gone out. */
  #trailers: Headers = okTrailers;
  #isRequestRead = false;
  #isOver = false;
  /** An error is about to be told: what comes first must not be answered in its place. */
  #isFailing = false;
  /** Why nobody waits for the answer any more. */
  #abandonedFor: Error | undefined;

  constructor({ host, connection, stream, path, rawHeaders, timeout, encoding }: CallInit) {
    this.host = host;
    this.stream = stream;
    this.path = path;
    this.encoding = encoding;
    this.#connection = connection;
    this.#rawHeaders = rawHeaders;
    this.deadline = timeout === undefined ? undefined : Date.now() + timeout;
    this.#timer = timeout === undefined ? undefined : deadlineTimer(timeout, () => this.#deadlinePassed());
    (stream as CallStream)[callOf] = this;
    stream.on('error', ignore);
    stream.on('close', onClose);
    stream.on('wantTrailers', onWantTrailers);
    stream.on('end', onEnd);
    stream.on('data', onData);
  }

  metadata(name: string): string | undefined {
    return firstOf(this.#rawHeaders, name);
  }

  get headers(): HeaderMap {
    return metadataOf(this.#rawHeaders);
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#abandonedFor !== undefined) this.#abort.abort(this.#abandonedFor);
    }
    return this.#abort.signal;
  }

  get peer(): PeerIdentity | undefined {
    return this.#connection.peer;
  }

  sendHeaders(headers: HeaderMap): void {
    if (this.stream.headersSent) return;
    addMetadata((this.#initial ??= { ...responseHeaders }) as Record<string, string | string[]>, headers);
  }

  addTrailers(trailers: HeaderMap): void {
    addMetadata((this.#metadata ??= {}), trailers);
  }

  /** Calls back when the call has ended, with the status code and the bytes of its only messages. One listener. */
  onEnded(listener: (code: number, received: number, sent: number) => void): void {
    this.#ended = listener;
  }

  /** Ends the call with the status of an error; one that has none is logged and told as INTERNAL. */
  fail(error: unknown): void {
    if (this.isOver) return;
    if (error instanceof MessageTooLongError) this.host.logTooLong(this.path, error);
    if (error instanceof GrpcError) this.finish(grpcStatus[error.grpcStatus], error.message, error.details);
    else if (error instanceof ApiError) this.#failWith(error);
    else {
      const stack = error instanceof Error ? error.stack : undefined;
      this.host.logger.error(`${this.path} failed: ${errorMessage(error)}`, { stack });
      this.finish(grpcStatus.INTERNAL, 'internal error');
    }
  }

  /** Nothing that comes or is answered matters any more. */
  protected get isOver(): boolean {
    return this.#isOver || this.#isFailing;
  }

  /** Some bytes of the request. */
  protected abstract take(piece: Buffer): void;
  /** The request is at its end. */
  protected abstract takeEnd(): void;
  /** Nobody waits for the answer any more: the caller has gone, its deadline has passed, or its request cannot be read. */
  protected abstract abandoned(reason: Error): void;

  /** Sends what goes ahead of the first message, unless that was done. */
  protected respond(): void {
    if (this.stream.headersSent || this.stream.destroyed) return;
    this.#connection.answered();
    this.stream.respond(this.#initial ?? responseHeaders, withTrailers);
  }

  /** Ends the call. What was written before is sent first. */
  protected finish(code: number, message: string, details?: Uint8Array): void {
    if (!this.#end(code)) return;
    const { stream } = this;
    if (stream.destroyed || stream.closed) return;
    try {
      const trailers = this.#trailersFor(code, message, details);
      if (stream.headersSent || this.#initial !== undefined) {
        this.#trailers = trailers;
        this.respond();
        stream.end();
      } else {
        this.#connection.answered();
        stream.respond({ ...responseHeaders, ...trailers }, withoutBody);
        if (!this.#isRequestRead) stream.close();
      }
    } catch (error) {
      this.#cannotAnswer(error);
    }
  }

  /** Ends a call with its only message, or its last. */
  protected finishWith(framed: Buffer): void {
    if (this.isOver) return;
    this.#sent = framed.length - frameHeader;
    if (!this.#end(grpcStatus.OK)) return;
    const { stream } = this;
    if (stream.destroyed || stream.closed) return;
    try {
      if (this.#metadata !== undefined) this.#trailers = this.#trailersFor(grpcStatus.OK, '', undefined);
      if (this.#mayTellStatusEarly()) {
        this.#connection.answered();
        stream.respond(headersWithStatus, withoutTrailers);
      } else this.respond();
      stream.end(framed);
    } catch (error) {
      this.#cannotAnswer(error);
    }
  }

  /** Ends a call whose handler may be at work: it learns of it from the signal. */
  protected breakOff(error: GrpcError): void {
    if (this.isOver) return;
    this.fail(error);
    this.#abandon(error);
  }

  /** Nothing but the status would stand in the trailers, and nothing is left to be read. */
  #mayTellStatusEarly(): boolean {
    return (
      this.#metadata === undefined &&
      this.#initial === undefined &&
      this.#isRequestRead &&
      !this.stream.headersSent &&
      this.metadata(earlyStatus) !== undefined
    );
  }

  #failWith(failed: ApiError): void {
    const { logger, hideSecrets, onError } = this.host;
    onError?.(failed.errorCode);
    const error = hideSecrets === undefined ? failed : withoutSecrets(failed, hideSecrets);
    if (logger.isEnabled('debug')) {
      const cause = error.cause === undefined ? undefined : errorMessage(error.cause);
      logger.debug(`api call returned error: ${error.message}`, { errorCode: error.errorCode, cause });
    }
    const code = grpcStatus[error.grpcStatus];
    if (error.grpcDetails === undefined) {
      this.finish(code, error.grpcMessage);
      return;
    }
    this.#isFailing = true;
    import('./status-details.ts')
      .then(({ statusDetails }) => this.finish(code, error.grpcMessage, statusDetails(error)))
      .catch((failure: unknown) => {
        this.#isFailing = false;
        this.fail(failure);
      });
  }

  #trailersFor(code: number, message: string, details: Uint8Array | undefined): Headers {
    if (code === 0 && this.#metadata === undefined) return okTrailers;
    return {
      'grpc-status': String(code),
      ...(message !== '' && { 'grpc-message': escapeMessage(message) }),
      ...(details !== undefined && { 'grpc-status-details-bin': unpadded(details) }),
      ...this.#metadata,
    };
  }

  /** Whether the call had not ended before. */
  #end(code: number): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    // A stream that is not read to its end is never forgotten.
    if (this.stream.isPaused()) this.stream.resume();
    this.#ended?.(code, Math.max(0, this.#received - frameHeader), this.#sent);
    return true;
  }

  #abandon(reason: Error): void {
    this.#abandonedFor = reason;
    this.#abort?.abort(reason);
    this.abandoned(reason);
  }

  #cannotAnswer(error: unknown): void {
    this.host.logger.error(`the answer of ${this.path} cannot be sent: ${errorMessage(error)}`);
    this.stream.close(internalError);
  }

  #deadlinePassed(): void {
    this.breakOff(new GrpcError('DEADLINE_EXCEEDED', 'context deadline exceeded'));
  }

  // The listeners of a stream; here, so that they need no closures.

  /** @internal */
  onData(piece: Buffer): void {
    this.#received += piece.length;
    if (!this.isOver) this.take(piece);
  }

  /** @internal */
  onEnd(): void {
    // A stream that was reset, or whose connection is gone, is at its end, too; that is told by its close.
    if (this.stream.destroyed) return;
    this.#isRequestRead = true;
    if (!this.isOver) this.takeEnd();
  }

  /** @internal */
  onWantTrailers(): void {
    try {
      this.stream.sendTrailers(this.#trailers);
    } catch (error) {
      this.#cannotAnswer(error);
      return;
    }
    // The caller may stop sending. Node sends the trailers in this phase, too, and before.
    if (!this.#isRequestRead) setImmediate(() => this.stream.close());
  }

  /** @internal */
  onClose(): void {
    this.#connection.callEnded();
    if (!this.#end(grpcStatus.CANCELLED)) return;
    this.#abandon(new GrpcError('CANCELLED', 'the caller has cancelled the call or is gone'));
  }
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}

function ignore(): void {}

function onData(this: CallStream, piece: Buffer): void {
  this[callOf]?.onData(piece);
}

function onEnd(this: CallStream): void {
  this[callOf]?.onEnd();
}

function onWantTrailers(this: CallStream): void {
  this[callOf]?.onWantTrailers();
}

function onClose(this: CallStream): void {
  this[callOf]?.onClose();
}
