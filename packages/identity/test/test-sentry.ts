import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server } from 'node:tls';

import { silentLogger } from '@outrigger/core';
import { GrpcError, unary } from '@outrigger/grpc';
import { createGrpcServer } from '@outrigger/grpc/server';
import { CADefinition, type SignCertificateRequest, type SignCertificateResponse } from '@outrigger/protocol/sentry';

import { x509 } from '../src/x509.ts';
import { TestAuthority } from './test-authority.ts';

export interface SentryBehaviour {
  /** Milliseconds for which certificates are valid. Default: an hour. */
  ttl?: number;
  /** Milliseconds by which they are dated back. Default: a minute. */
  skew?: number;
  /** What is certified instead of what was asked for. */
  uris?: readonly string[];
  /** Refuses the requests with this. */
  failure?: GrpcError | undefined;
}

/** A certificate authority that speaks `sentry.v1.CA` on a loopback port and believes everybody. */
export class TestSentry implements AsyncDisposable {
  readonly authority: TestAuthority;
  /** May be changed while it runs. */
  readonly behaviour: SentryBehaviour;
  readonly requests: SignCertificateRequest[] = [];
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(authority: TestAuthority, behaviour: SentryBehaviour, cert: string, key: string) {
    this.authority = authority;
    this.behaviour = behaviour;
    const grpc = createGrpcServer({
      services: [
        {
          name: CADefinition.fullName,
          methods: [unary(CADefinition.methods.signCertificate, (ask) => this.#sign(ask))],
        },
      ],
      logger: silentLogger,
    });
    this.#server = createServer({ cert, key, ALPNProtocols: ['h2'], minVersion: 'TLSv1.3' }, (socket) => {
      grpc.inject(socket);
    });
    this.#server.on('tlsClientError', () => {});
    this.#server.on('connection', (socket: Socket) => {
      this.#open.add(socket);
      socket.on('error', () => {}).once('close', () => this.#open.delete(socket));
    });
  }

  /** @param id the SPIFFE id that it shows. Default: the one of Dapr's Sentry with default settings */
  static async start(
    behaviour: SentryBehaviour = {},
    authority?: TestAuthority,
    id = 'spiffe://localhost/ns/default/dapr-sentry',
  ): Promise<TestSentry> {
    const own = authority ?? (await TestAuthority.create());
    const { cert, key } = await own.issue({ uris: [id] });
    const sentry = new TestSentry(own, behaviour, cert, key);
    await new Promise<void>((resolve) => sentry.#server.listen(0, '127.0.0.1', resolve));
    return sentry;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #sign(ask: SignCertificateRequest): Promise<SignCertificateResponse> {
    this.requests.push(ask);
    const { failure, skew = 60_000, ttl = 3_600_000, uris } = this.behaviour;
    if (failure !== undefined) throw failure;
    const csr = new x509.Pkcs10CertificateRequest(ask.certificateSigningRequest.toString());
    if (!(await csr.verify())) throw new GrpcError('INVALID_ARGUMENT', 'the signature of the request is wrong');
    const validUntil = new Date(Date.now() + ttl);
    const pem = await this.authority.sign(csr.publicKey, {
      uris: uris ?? [`spiffe://${ask.trustDomain || 'public'}/ns/${ask.namespace}/${ask.id}`],
      notBefore: new Date(Date.now() - skew),
      notAfter: validUntil,
    });
    const workloadCertificate = Buffer.from(pem);
    return { workloadCertificate, trustChainCertificates: [], validUntil, jwt: undefined, perAudienceJwts: {} };
  }
}
