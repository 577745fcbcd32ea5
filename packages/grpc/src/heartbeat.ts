import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';

/** When the other side of a connection is asked whether it is still there. Milliseconds. */
export interface HeartbeatTimes {
  /** Without a byte from the other side for so long, it is pinged. */
  readonly pingAfter: number;
  /** How long it then has to send one. */
  readonly pingTimeout: number;
}

/** As Dapr has it, on both sides of its connections. */
export const defaultHeartbeat: HeartbeatTimes = { pingAfter: 10_000, pingTimeout: 5000 };

/** Notices that a connection leads nowhere any more: a machine or a network that is gone tells nobody. */
export class Heartbeat {
  readonly #session: Http2Session;
  readonly #socket: Socket;
  readonly #timeout: number;
  readonly #onLost: (reason: Error) => void;
  #bytesRead = 0;
  #pending: NodeJS.Timeout | undefined;

  /** @param onLost told when the other side has not answered; whoever is told destroys the session */
  constructor(session: Http2Session, socket: Socket, pingTimeout: number, onLost: (reason: Error) => void) {
    this.#session = session;
    this.#socket = socket;
    this.#timeout = pingTimeout;
    this.#onLost = onLost;
    session.once('close', () => clearTimeout(this.#pending));
  }

  /**
   * To be called time and again until the session has closed: pings when nothing has come since the last time. Where this side has
   * hung up and the other does not, the socket is cut.
   */
  beat(): void {
    if (this.#session.destroyed) this.#socket.destroy();
    else if (this.#pending === undefined && this.#hasHeardNothing()) this.#ping();
  }

  #ping(): void {
    const wasSent = this.#session.ping(() => this.#answered());
    if (!wasSent) return;
    // What came while this process was busy is read before the verdict.
    this.#pending = setTimeout(() => setImmediate(() => this.#judge()), this.#timeout).unref();
  }

  #judge(): void {
    if (this.#pending === undefined || this.#session.destroyed) return;
    this.#pending = undefined;
    // The answer may be behind other bytes.
    if (this.#hasHeardNothing()) this.#onLost(new Error(`a ping was not answered within ${this.#timeout} ms`));
  }

  #answered(): void {
    clearTimeout(this.#pending);
    this.#pending = undefined;
  }

  #hasHeardNothing(): boolean {
    const { bytesRead } = this.#socket;
    const isSame = bytesRead === this.#bytesRead;
    this.#bytesRead = bytesRead;
    return isSame;
  }
}
