import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';

import { ComponentError, errorMessage } from '@outrigger/core';
import type { HeaderMap } from '@outrigger/runtime';

import { Heartbeat, type HeartbeatTimes } from './heartbeat.ts';
import { earlyStatus } from './early-status.ts';
import { metadataToSend } from './metadata-entries.ts';
import { type CallConnection, type CallEnded, ClientCall } from './client-call.ts';
import { authorityOf, openSocket, type SecuredConnection } from './open-socket.ts';
import { inadequateSecurity, PeerRefusedError, type PeerTls } from './tls.ts';

export interface GrpcClientOptions {
  /** `host:port`, an IPv6 address with or without brackets; or `unix:` and the path of a socket. */
  readonly address: string;
  /**
   * Speak TLS; with `true` whom the certificate is for is not looked at. Where what this side shows or trusts changes, a new connection
   * takes the calls from then on; the old one ends with its last. Default: no.
   */
  readonly tls?: boolean | PeerTls;
  /** Longest message to take, in bytes; 0: no limit. Default 4 MiB. */
  readonly maxMessageSize?: number;
  /** Milliseconds to wait for a connection. Default 5 s. */
  readonly connectTimeout?: number;
  /** Find out by pings when the server is gone. Many servers take offence at these. Default: do not. */
  readonly heartbeat?: HeartbeatTimes;
  /** Ask for the status ahead of an answer that is one message: cheaper where the server is of ours. Default: do not. */
  readonly earlyStatus?: boolean;
  /**
   * Told of each call; what it hands back is told the status code when the call has ended, and the bytes of its messages. Absent:
   * nobody is told.
   */
  readonly log?: ((path: string) => CallEnded) | undefined;
  /** Calls after which a new connection is made: HTTP/2 has numbers for 2^30 on each. Default 2^29. */
  readonly callsPerConnection?: number;
}

/** A connection that is up. */
interface Connection extends CallConnection {
  readonly session: ClientHttp2Session;
  isLost: boolean;
  readonly secured: SecuredConnection | undefined;
  /** Made so far. */
  calls: number;
  /** Not over yet. */
  open: number;
}

/** How much of one call's messages may be under way, so that the round trip does not bound what a stream can carry. */
const streamWindow = 1024 * 1024;
/** The same for all calls of a connection. What is read of it is given back at once, whether or not a call's reader is slow. */
const connectionWindow = 16 * 1024 * 1024;

/** Milliseconds until it is tried again to replace a connection that still serves. */
const renewalPause = 1000;

const sessionOptions = {
  settings: { initialWindowSize: streamWindow, enablePush: false },
  maxSessionMemory: Number.MAX_SAFE_INTEGER,
  maxSendHeaderBlockLength: Number.MAX_SAFE_INTEGER,
  maxHeaderListPairs: 2000,
  // What HTTP has once, as `from` or `location`, metadata may have more often.
  strictSingleValueFields: false,
};

/**
 * Makes gRPC calls to one address, on one connection that is made when it is first needed and again when it was lost. Messages
 * are bytes: what is in them is the caller's business.
 */
export class GrpcClient {
  readonly address: string;
  readonly #options: GrpcClientOptions;
  readonly #authority: string;
  readonly #maxMessageSize: number;
  #connection: Connection | undefined;
  #connecting: Promise<void> | undefined;
  /** What the server said when it ended a connection with an error. */
  #goodbye: string | undefined;
  #nextRenewal = -Infinity;
  #calls = 0;
  #idleSince = performance.now();
  #isClosed = false;

  constructor(options: GrpcClientOptions) {
    this.address = options.address;
    this.#options = options;
    this.#authority = authorityOf(options.address);
    const { maxMessageSize = 4 * 1024 * 1024 } = options;
    this.#maxMessageSize = maxMessageSize === 0 ? Infinity : maxMessageSize;
  }

  /** Whether there is a connection, and certificates still vouch for it. */
  get isConnected(): boolean {
    const connection = this.#connection;
    if (connection === undefined) return false;
    return connection.secured === undefined || this.#isStillSecured(connection, connection.secured);
  }

  /** When the last call ended, on the clock of `performance.now()`; infinity while there is one. */
  get idleSince(): number {
    return this.#calls > 0 ? Infinity : this.#idleSince;
  }

  /**
   * Resolves once the connection is up: the other side speaks HTTP/2 and has said so. Rejects with ComponentError `unavailable`
   * when it is not to be had; nothing was sent then.
   */
  connected(): Promise<void> {
    return this.isConnected ? Promise.resolve() : this.#connectOnce();
  }

  #connectOnce(): Promise<void> {
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  /** Where this side shows or trusts something else by now, a connection with that is made; until it is up the old one serves. */
  #isStillSecured(connection: Connection, { credentials, validUntil }: SecuredConnection): boolean {
    const { tls } = this.#options;
    if (Date.now() >= validUntil) {
      this.#forget(connection);
      return false;
    }
    if (typeof tls !== 'object' || tls.credentials() === credentials) return true;
    const now = performance.now();
    if (this.#connecting !== undefined || now < this.#nextRenewal) return true;
    this.#nextRenewal = now + renewalPause;
    this.#connectOnce().catch((error: unknown) => {
      // Whom this side no longer trusts it does not go on talking to.
      if (error instanceof ComponentError && error.cause instanceof PeerRefusedError) this.#forget(connection);
    });
    return true;
  }

  /**
   * Begins a call on the connection that {@link connected} has made. Throws ComponentError `unavailable` when there is none,
   * TypeError when the metadata cannot be sent.
   *
   * @param path `/package.Service/Method`
   * @param deadline milliseconds since the epoch, told to the server; to cancel the call then is up to the caller
   */
  call(path: string, metadata: HeaderMap, deadline?: number): ClientCall {
    const connection = this.#connection;
    if (connection === undefined) throw this.#unavailable(this.#goodbye ?? 'the connection was lost');
    const timeout = deadline === undefined ? undefined : timeoutUntil(deadline);
    const stream = this.#request(connection, {
      ':method': 'POST',
      ':path': path,
      ':scheme': this.#options.tls ? 'https' : 'http',
      ':authority': this.#authority,
      te: 'trailers',
      'content-type': 'application/grpc',
      'user-agent': 'outrigger',
      ...(timeout !== undefined && { 'grpc-timeout': timeout }),
      ...(this.#options.earlyStatus && { [earlyStatus]: '1' }),
      ...metadataToSend(metadata),
    });
    this.#calls++;
    connection.open++;
    if (++connection.calls >= (this.#options.callsPerConnection ?? 2 ** 29)) this.#forget(connection);
    return new ClientCall(stream, connection, this.#maxMessageSize, this.#options.log?.(path));
  }

  /** Makes no more connections. Calls in flight go on; the connection ends with the last. */
  close(): void {
    this.#isClosed = true;
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection?.open === 0) connection.session.close();
  }

  #request(connection: Connection, headers: OutgoingHttpHeaders): ClientHttp2Stream {
    const { session } = connection;
    try {
      return session.request(headers);
    } catch (error) {
      if (!session.closed && !session.destroyed) throw error;
      this.#forget(connection);
      throw this.#unavailable('the connection has just ended', error);
    }
  }

  async #connect(): Promise<void> {
    if (this.#isClosed) throw this.#unavailable('the client is closed');
    const { connect } = await import('node:http2');
    const { connectTimeout = 5000, tls = false } = this.#options;
    this.#goodbye = undefined;
    const { socket, secured } = await openSocket(this.address, tls, connectTimeout).catch((error: unknown) => {
      throw this.#unavailable(errorMessage(error), error);
    });
    const connection: Connection = {
      isLost: false,
      secured,
      calls: 0,
      open: 0,
      callEnded: () => {
        if (--connection.open === 0 && connection !== this.#connection) connection.session.close();
        this.#calls--;
        this.#idleSince = performance.now();
      },
      // These listeners come before the session's, which then tells the streams.
      session: connect(`${tls ? 'https' : 'http'}://${this.#authority}`, {
        createConnection: () => {
          const lose = (): void => this.#lose(connection);
          return socket.once('error', lose).once('close', lose);
        },
        ...sessionOptions,
      }),
    };
    const { session } = connection;
    let refusal: PeerRefusedError | undefined;
    session.once('goaway', (code: number, _last: number, reason?: Buffer) => {
      // With an error the server ends the connection at once, its calls with it.
      if (code === 0) return this.#forget(connection);
      if (reason !== undefined && reason.length > 0) {
        this.#goodbye = `the server ended it: ${printable(reason)}`;
        if (code === inadequateSecurity) refusal = new PeerRefusedError(printable(reason));
      }
      this.#lose(connection);
    });
    session.once('close', () => this.#forget(connection));
    await new Promise<void>((resolve, reject) => {
      let failure: unknown;
      const late = setTimeout(() => {
        failure = new Error(`no answer within ${connectTimeout} ms`);
        session.destroy();
      }, connectTimeout);
      session.on('error', (error: unknown) => {
        failure ??= error;
      });
      session.once('close', () => {
        clearTimeout(late);
        if (this.#goodbye !== undefined) return reject(this.#unavailable(this.#goodbye, refusal ?? failure));
        const reason = failure === undefined ? 'the connection was closed' : errorMessage(failure);
        reject(new NotGrpcError(this.#failure(`it does not speak gRPC: ${reason}`), failure));
      });
      session.once('remoteSettings', () => {
        clearTimeout(late);
        // Where the server refuses this side, it says so right after its settings.
        setImmediate(() =>
          connection.isLost ? reject(this.#unavailable(this.#goodbye ?? 'it has just ended', refusal)) : resolve(),
        );
      });
    });
    session.setLocalWindowSize(connectionWindow);
    if (this.#isClosed) {
      session.close();
      throw this.#unavailable('the client is closed');
    }
    const old = this.#connection;
    this.#connection = connection;
    if (old?.open === 0) old.session.close();
    this.#keepWatch(connection, socket);
  }

  #keepWatch(connection: Connection, socket: Socket): void {
    const { heartbeat: times } = this.#options;
    if (times === undefined) return;
    const { session } = connection;
    const heartbeat = new Heartbeat(session, socket, times.pingTimeout, (reason) => {
      this.#lose(connection);
      session.destroy(reason);
    });
    const check = setInterval(() => heartbeat.beat(), times.pingAfter).unref();
    session.once('close', () => clearInterval(check));
  }

  #lose(connection: Connection): void {
    connection.isLost = true;
    this.#forget(connection);
  }

  /** The next call is made on a new connection; this one ends with its last call. */
  #forget(connection: Connection): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    if (connection.open === 0) connection.session.close();
  }

  #unavailable(reason: string, cause?: unknown): ComponentError {
    return new ComponentError('unavailable', this.#failure(reason), { cause });
  }

  #failure(reason: string): string {
    return `no connection to ${this.address}: ${reason}`;
  }
}

/** Something takes connections at the address, but does not answer as gRPC has it. */
export class NotGrpcError extends ComponentError {
  constructor(message: string, cause: unknown) {
    super('unavailable', message, { cause });
  }
}

/** What is left until then, as gRPC writes it: at most eight digits and a unit. */
function timeoutUntil(deadline: number): string {
  const left = Math.max(1, Math.ceil(deadline - Date.now()));
  return left < 1e8 ? `${left}m` : `${Math.min(Math.ceil(left / 1000), 99_999_999)}S`;
}

/** What a server says of itself, short and without what a terminal would obey. */
function printable(reason: Buffer): string {
  return reason.toString('latin1', 0, 500).replaceAll(/[^\x20-\x7e]/g, '?');
}
