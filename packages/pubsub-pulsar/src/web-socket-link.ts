import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { ComponentError, errorMessage } from '@outrigger/core';
import { WebSocket } from 'ws';

export interface LinkOptions {
  /** `ws://host:port`, for messages. */
  readonly address: string;
  /** The `Authorization` header's value, where there is a login. */
  readonly authorization: () => Promise<string | undefined>;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** How often the other side must show that it lives; a connection without an answer for as long is given up. */
const heartbeatMs = 10_000;
/**
 * The server answers when it has the producer or consumer. While a broker starts that can take it half a minute, and another attempt
 * is sooner answered than the first.
 */
const connectTimeoutMs = 10_000;
const closeTimeoutMs = 2000;

/** An open connection to one endpoint of the WebSocket API. */
export class WebSocketLink {
  readonly #socket: WebSocket;
  /** What the frames go through. */
  readonly #stream: Socket;
  #gathering = false;
  #heartbeat: NodeJS.Timeout | undefined;
  #alive = true;

  private constructor(socket: WebSocket, stream: Socket) {
    this.#socket = socket;
    this.#stream = stream;
  }

  /** Rejects with what the server says, or why it cannot be reached. */
  static async open(path: string, options: LinkOptions, signal: AbortSignal): Promise<WebSocketLink> {
    signal.throwIfAborted();
    const authorization = await options.authorization();
    signal.throwIfAborted();
    const { ca, cert, key } = options;
    const socket = new WebSocket(`${options.address}${path}`, {
      perMessageDeflate: false,
      handshakeTimeout: connectTimeoutMs,
      headers: authorization === undefined ? {} : { authorization },
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    });
    return new WebSocketLink(socket, await opened(socket, options.address, signal));
  }

  /** `ended` is called once, when the connection is gone, whoever ended it. */
  start(onMessage: (text: string) => void, ended: (reason: string) => void): void {
    const socket = this.#socket;
    let failure = '';
    // a text frame comes as one Buffer
    socket.on('message', (data) => onMessage((data as Buffer).toString()));
    socket.on('pong', () => {
      this.#alive = true;
    });
    socket.on('error', (error) => {
      failure = errorMessage(error);
    });
    socket.on('close', (code, reason) => {
      clearInterval(this.#heartbeat);
      ended(failure || reason.toString() || `it was closed with code ${code}`);
    });
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs);
    this.#heartbeat.unref();
    // it may have gone between its opening and now
    if (socket.readyState === WebSocket.CLOSED) socket.emit('close', 1006, Buffer.alloc(0));
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Bytes that wait to be sent. */
  get unsent(): number {
    return this.#socket.bufferedAmount;
  }

  send(message: object): void {
    this.#gather();
    // what fails here shows as the end of the connection
    this.#socket.send(JSON.stringify(message), () => {});
  }

  /** What is sent in one turn of the event loop leaves in one write: a write costs more than all else about a small message. */
  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#stream.cork();
    setImmediate(() => {
      this.#gathering = false;
      this.#stream.uncork();
    });
  }

  /** While it holds, nothing is read; the server sees backpressure. */
  hold(isHeld: boolean): void {
    if (isHeld === this.#socket.isPaused) return;
    if (isHeld) this.#socket.pause();
    else {
      this.#alive = true;
      this.#socket.resume();
    }
  }

  /** Resolves when the other side has seen all that was sent, or does not answer in time. */
  async close(): Promise<void> {
    const socket = this.#socket;
    if (socket.readyState === WebSocket.CLOSED) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.once('close', () => resolve());
    socket.resume();
    socket.close();
    const timer = setTimeout(() => socket.terminate(), closeTimeoutMs);
    await promise;
    clearTimeout(timer);
  }

  #beat(): void {
    if (this.#socket.isPaused) return;
    if (!this.#alive) {
      this.#socket.terminate();
      return;
    }
    this.#alive = false;
    this.#socket.ping();
  }
}

function opened(socket: WebSocket, address: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let stream: Socket | undefined;
    socket.once('upgrade', (response) => {
      stream = response.socket;
    });
    const abort = () => {
      socket.terminate();
      reject(signal.reason as Error);
    };
    const settle = () => {
      signal.removeEventListener('abort', abort);
      socket.off('open', onOpen);
      socket.off('unexpected-response', onResponse);
    };
    const onOpen = () => {
      settle();
      socket.off('error', onError);
      // it comes before the connection is open
      resolve(stream as Socket);
    };
    const onError = (error: Error) => {
      settle();
      reject(unreachable(error, address));
    };
    const onResponse = (_request: unknown, response: IncomingMessage) => {
      settle();
      void readReason(response).then((reason) => {
        socket.terminate();
        reject(refused(response.statusCode ?? 0, reason, address));
      });
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once('open', onOpen);
    // stays: terminating an attempt emits another one
    socket.on('error', onError);
    socket.once('unexpected-response', onResponse);
  });
}

/** A server that answered the upgrade with an error. */
export class UpgradeRefused extends ComponentError {
  readonly status: number;
  readonly reason: string;

  constructor(code: ComponentError['code'], message: string, status: number, reason: string) {
    super(code, message);
    this.status = status;
    this.reason = reason;
  }
}

function refused(status: number, reason: string, address: string): UpgradeRefused {
  const of = (code: ComponentError['code'], message: string) => new UpgradeRefused(code, message, status, reason);
  const said = reason === '' ? `status ${status}` : reason;
  if (status === 401)
    return of('invalid-argument', `Pulsar at ${address} does not accept the login: check token, or the oauth2 fields`);
  if (status === 403) return of('invalid-argument', `Pulsar at ${address} does not allow this: ${said}`);
  if (status === 404) return of('not-found', `Pulsar at ${address} says: ${said}; check tenant, namespace and topic`);
  if (status === 409) {
    if (/different type/i.test(reason)) {
      return of('invalid-argument', `${said}; all consumers of a subscription need the same subscribeType`);
    }
    return of(
      'unavailable',
      `${said}; with subscribeType exclusive a subscription has one consumer, use shared or failover for more`,
    );
  }
  if (status === 400) return of('invalid-argument', `Pulsar at ${address} says: ${said}`);
  return of('unavailable', `Pulsar at ${address} says: ${said}`);
}

function unreachable(error: Error & { code?: string }, address: string): ComponentError {
  const reason = errorMessage(error);
  const hint = /certificate|self.signed|issuer|ERR_TLS|altname|SSL|EPROTO/i.test(`${error.code} ${reason}`)
    ? '; check enableTLS and caCert'
    : /hang up|Parse Error|HPE_/i.test(`${error.code} ${reason}`)
      ? '; it does not speak HTTP, so it may be the port of the binary protocol: host must name the HTTP port (8080 by default), and enableTLS must fit'
      : '; check host';
  return new ComponentError('unavailable', `cannot connect to Pulsar at ${address}: ${reason}${hint}`, {
    cause: error,
  });
}

const maxReason = 64 * 1024;

// The server answers with a page: <title>Error 404 Failed to …: {"errorMsg":"Namespace not found",…}</title>
async function readReason(response: IncomingMessage): Promise<string> {
  let page = '';
  try {
    for await (const chunk of response) {
      page += String(chunk);
      if (page.length > maxReason) break;
    }
  } catch {
    // the status says enough
  }
  const title = /<title>(?:Error \d+ )?([\s\S]*?)<\/title>/i.exec(page)?.[1] ?? response.statusMessage ?? '';
  const text = title
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
  return (/"errorMsg":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text).trim().slice(0, 300);
}
