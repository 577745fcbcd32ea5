import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { isIPv6, type AddressInfo, type Server, type Socket } from 'node:net';
import { KeyObject, webcrypto } from 'node:crypto';
import { createServer as createTlsServer } from 'node:tls';

import { errorMessage, type Logger } from '@outrigger/core';
import { createGrpcServer, type GrpcServer } from '@outrigger/grpc/server';
import type { PeerIdentity } from '@outrigger/runtime';

import { type AuthorityKeys, type AuthorityPem, readAuthority } from './authority/authority-keys.ts';
import { Issuer, type IssuerOptions } from './authority/issuer.ts';
import { certificateAuthority } from './sign-certificate.ts';
import type { Validator } from './validators/validator.ts';

export interface SentryOptions extends IssuerOptions {
  readonly credentials: AuthorityPem;
  /** The first is for requests that name none. */
  readonly validators: readonly Validator[];
  /** Of this authority itself: `dapr-sentry` of the control plane. */
  readonly identity: PeerIdentity;
  /** Address to bind. Default `127.0.0.1`. */
  readonly host?: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Port of `/healthz`; 0 picks a free one, absent: none. */
  readonly healthPort?: number;
  readonly logger: Logger;
}

const messageLimit = 64 * 1024;
const day = 86_400_000;
/** Milliseconds before the end of the issuer's certificate from which on the log warns of it, once a day. */
const warningTime = 30 * day;
/** Milliseconds. */
const retryDelay = 10_000;
/** The greatest delay of a timer. */
const longestTimer = 2 ** 31 - 1;

/** A certificate authority that answers on a TLS port. Disposal lets calls in flight end for a moment. */
export class Sentry implements AsyncDisposable {
  readonly #options: SentryOptions;
  #keys: AuthorityKeys;
  readonly #issuer: Issuer;
  readonly #grpc: GrpcServer;
  readonly #server: Server;
  readonly #setCredentials: (credentials: { cert: string; key: string }) => void;
  readonly #health: HttpServer | undefined;
  readonly #open = new Set<Socket>();
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #renewal: NodeJS.Timeout | undefined;
  #warnedAt = 0;

  private constructor(options: SentryOptions, keys: AuthorityKeys) {
    const { identity: own, healthPort, logger, validators } = options;
    this.#options = options;
    this.#keys = keys;
    this.#issuer = new Issuer(() => this.#keys, options);
    this.#grpc = createGrpcServer({
      services: [certificateAuthority({ issuer: this.#issuer, own, validators, logger })],
      maxMessageSize: messageLimit,
      logger,
    });
    const server = createTlsServer({ ALPNProtocols: ['h2'], minVersion: 'TLSv1.2' }, (socket) =>
      this.#grpc.inject(socket),
    );
    server.on('tlsClientError', (error) => logger.debug(`a TLS handshake failed: ${errorMessage(error)}`));
    server.on('connection', (socket: Socket) => {
      this.#open.add(socket);
      socket.on('error', () => {}).once('close', () => this.#open.delete(socket));
    });
    this.#server = server;
    this.#setCredentials = (credentials) => server.setSecureContext({ ...credentials, minVersion: 'TLSv1.2' });
    this.#health =
      healthPort === undefined
        ? undefined
        : createHttpServer((request, answer) => {
            answer.writeHead(request.url === '/healthz' ? 200 : 404).end();
          });
  }

  /** Resolves when certificates are given out. Rejects with what is wrong with the credentials, or with the ports. */
  static async start(options: SentryOptions): Promise<Sentry> {
    const sentry = new Sentry(options, await readAuthority(options.credentials));
    const { healthPort, host = '127.0.0.1', port } = options;
    try {
      await sentry.#certifySelf();
      await listen(sentry.#server, host, port);
      if (sentry.#health !== undefined) await listen(sentry.#health, host, healthPort ?? 0);
      return sentry;
    } catch (error) {
      await sentry[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** `host:port`, where certificates are given out. */
  get address(): string {
    return addressOf(this.#server);
  }

  /** `host:port` of `/healthz`; `undefined`: there is none. */
  get healthAddress(): string | undefined {
    return this.#health && addressOf(this.#health);
  }

  /** Signs with these from now on. Rejects, and goes on with the old ones, when they cannot be used. */
  async replace(credentials: AuthorityPem): Promise<void> {
    const next = await readAuthority(credentials);
    await this.#inTurn(async () => {
      const old = this.#keys;
      this.#keys = next;
      try {
        await this.#certifySelf();
      } catch (error) {
        this.#keys = old;
        throw error;
      }
    });
  }

  /** One after the other, so that a renewal under way does not put back what was replaced meanwhile. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const working = this.#last.then(work);
    this.#last = working.catch(() => {});
    return working;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#renewal);
    this.#grpc.sayGoodbye();
    const listening = [this.#server, this.#health].filter((server) => server?.listening === true);
    const closing = listening.map((server) => ended(server as Server));
    this.#health?.closeAllConnections();
    const cut = setTimeout(() => this.#open.forEach((socket) => socket.destroy()), 1000);
    await Promise.all(closing);
    clearTimeout(cut);
    this.#grpc.end();
  }

  /** The certificate of this authority's own port, renewed at half of its life. */
  async #certifySelf(): Promise<void> {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const { identity, logger } = this.#options;
    const { chain, validUntil } = await this.#issuer.issue({ identity, publicKey: keys.publicKey });
    const key = KeyObject.from(keys.privateKey).export({ format: 'pem', type: 'pkcs8' }) as string;
    this.#setCredentials({ cert: chain, key });
    const now = Date.now();
    if (this.#issuer.end - now < warningTime && now - this.#warnedAt >= day) {
      this.#warnedAt = now;
      logger.warn(
        `the issuer's certificate ends ${new Date(this.#issuer.end).toISOString()}, and no certificate lives longer: \`outrigger-sentry rotate-root\` makes a new one`,
      );
    }
    this.#certifySelfIn(Math.min(Math.max(1000, (validUntil.getTime() - now) / 2), longestTimer));
  }

  #certifySelfIn(delay: number): void {
    clearTimeout(this.#renewal);
    if (this.#isClosed) return;
    this.#renewal = setTimeout(() => {
      this.#inTurn(() => this.#certifySelf()).catch((error: unknown) => {
        this.#options.logger.error(`cannot renew the certificate of this authority itself: ${errorMessage(error)}`);
        this.#certifySelfIn(retryDelay);
      });
    }, delay).unref();
  }
}

/** Why nobody can listen somewhere, by the code of the error. */
const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'it is in use; choose another one',
  EACCES: 'the user of this process may not; choose a port above 1023',
  EADDRNOTAVAIL: 'this machine has no such address; choose one of its own, 127.0.0.1 or 0.0.0.0',
  ENOTFOUND: 'there is no such host; choose an address of this machine, 127.0.0.1 or 0.0.0.0',
};

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = reasons[error.code ?? ''] ?? errorMessage(error);
      reject(new Error(`cannot listen on ${host}:${port}: ${reason}`, { cause: error }));
    });
    server.listen(port, host, () => resolve());
  });
}

function addressOf(server: Server): string {
  const { address, port } = server.address() as AddressInfo;
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

function ended(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
