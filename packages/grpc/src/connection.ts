import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';

import type { PeerIdentity } from '@outrigger/runtime';

import type { VerifiedPeer } from './tls.ts';
import { defaultHeartbeat, Heartbeat, type HeartbeatTimes } from './heartbeat.ts';

/** When a connection is asked whether it is still there, and when it is ended. Milliseconds. */
export interface Keepalive extends HeartbeatTimes {
  /** How often a client may ping while nothing is answered to it. Whoever does so more often, time and again, is sent away. */
  readonly minPingInterval: number;
  /** A connection without a call for so long is ended. */
  readonly maxIdle: number;
}

/** As Dapr's servers. */
export const defaultKeepalive: Keepalive = {
  ...defaultHeartbeat,
  minPingInterval: 8000,
  maxIdle: 180_000,
};

/** Pings that may come too early before the client is sent away. */
const maxPingStrikes = 2;
/** The answer to a ping, in bytes. */
const pingAnswer = 17;
const enhanceYourCalm = 0xb;
/** How long a client has to answer the goodbye, in milliseconds; a call that comes later is refused and may be made elsewhere. */
const goodbyePatience = 250;
const longestTimer = 2 ** 31 - 1;
/** In a GOAWAY: calls that are on their way are still taken. */
const lastPossibleStream = 2 ** 31 - 1;

/** A client's connection: whether it is alive, how it is used, and how it ends. */
export class Connection {
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #keepalive: Keepalive;
  readonly #heartbeat: Heartbeat;
  readonly #peer: VerifiedPeer | undefined;
  #calls = 0;
  #idleSince = performance.now();
  #bytesAnswered = 0;
  #pings = 0;
  #lastPing = -Infinity;
  #pingStrikes = 0;
  #isLeaving = false;
  #expiry: NodeJS.Timeout | undefined;

  constructor(session: ServerHttp2Session, socket: Socket, keepalive: Keepalive, peer: VerifiedPeer | undefined) {
    this.#session = session;
    this.#socket = socket;
    this.#keepalive = keepalive;
    this.#peer = peer;
    this.#heartbeat = new Heartbeat(session, socket, keepalive.pingTimeout, () => this.cut());
    const check = setInterval(() => this.#check(), Math.min(keepalive.pingAfter, keepalive.maxIdle)).unref();
    session.on('ping', () => this.#pinged());
    session.once('close', () => {
      clearInterval(check);
      clearTimeout(this.#expiry);
    });
    if (peer !== undefined) this.#endWith(peer.validUntil);
  }

  /** Who the client is; nobody knows on a connection that is not encrypted. */
  get peer(): PeerIdentity | undefined {
    return this.#peer?.identity;
  }

  callBegan(): void {
    this.#calls++;
  }

  callEnded(): void {
    if (--this.#calls === 0) this.#idleSince = performance.now();
  }

  /** Something is answered: the client may ping again, as some do to measure the connection. */
  answered(): void {
    this.#pingStrikes = 0;
  }

  /**
   * Tells the client to make no new calls, and ends the connection with its last one. Calls that were on their way when the client
   * learns of it are still taken.
   */
  sayGoodbye(): void {
    if (this.#isLeaving || this.#session.destroyed) return;
    this.#isLeaving = true;
    this.#session.goaway(0, lastPossibleStream);
    // Whatever the client sent before it knew is in front of its answer. Some clients answer nothing any more, but hang up.
    const close = () => {
      clearTimeout(patience);
      this.#session.close();
    };
    const patience = setTimeout(close, goodbyePatience);
    if (!this.#session.ping(close)) close();
  }

  cut(): void {
    this.#session.destroy();
    this.#socket.destroy();
  }

  /** A certificate vouches for the client until then. */
  #endWith(validUntil: number): void {
    const left = validUntil - Date.now();
    const wait = Math.max(0, Math.min(left, longestTimer));
    this.#expiry = setTimeout(
      () => (left > longestTimer ? this.#endWith(validUntil) : this.sayGoodbye()),
      wait,
    ).unref();
  }

  #pinged(): void {
    const now = performance.now();
    const isEarly = now - this.#lastPing < this.#keepalive.minPingInterval;
    this.#lastPing = now;
    // Clients measure the connection with pings while answers come in, however long these are.
    const bytesAnswered = this.#socket.bytesWritten - this.#pings++ * pingAnswer;
    if (bytesAnswered > this.#bytesAnswered) {
      this.#bytesAnswered = bytesAnswered;
      this.answered();
    }
    if (!isEarly || ++this.#pingStrikes <= maxPingStrikes) return;
    this.#session.goaway(enhanceYourCalm, 0, Buffer.from('too_many_pings'));
    this.#session.destroy();
  }

  #check(): void {
    const isIdle = this.#calls === 0 && performance.now() - this.#idleSince >= this.#keepalive.maxIdle;
    if (isIdle && !this.#isLeaving) this.sayGoodbye();
    else this.#heartbeat.beat();
  }
}
