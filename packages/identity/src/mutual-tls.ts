import type { Logger } from '@outrigger/core';
import type { PeerTls, TlsCredentials } from '@outrigger/grpc/client';
import type { Metrics } from '@outrigger/runtime';

import type { KeyAlgorithm } from './certificate-request.ts';
import { verifiedPeer } from './peer-verification.ts';
import { Sentry, type SentryOptions } from './sentry-client.ts';
import type { SpiffeId } from './spiffe-id.ts';
import { SvidSource } from './svid-source.ts';

export interface MutualTlsOptions extends SentryOptions {
  /** Trust domains of other apps that may connect, beside this one's own. */
  readonly otherTrustDomains?: readonly string[];
  readonly keyAlgorithm?: KeyAlgorithm;
  readonly startTimeout?: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** What is said of a peer that has no mutual TLS. */
const plaintextServer =
  'it does not speak TLS, and this sidecar has --enable-mtls; start the other sidecar with --enable-mtls, or both without';

/** This process's side of mutual TLS with the sidecars of other apps. */
export class MutualTls implements AsyncDisposable {
  readonly #options: MutualTlsOptions;
  readonly #source: SvidSource;
  readonly #rootListeners: (() => void)[] = [];
  #credentials: TlsCredentials;

  private constructor(options: MutualTlsOptions, source: SvidSource) {
    this.#options = options;
    this.#source = source;
    this.#credentials = this.#current();
    source.onChange(() => (this.#credentials = this.#current()));
    options.trustAnchors.onChange(() => {
      this.#credentials = this.#current();
      for (const listener of this.#rootListeners) listener();
    });
  }

  /** Resolves once there is a certificate; rejects when none is to be had. The trust anchors stay with whoever made them. */
  static async start(options: MutualTlsOptions, signal: AbortSignal): Promise<MutualTls> {
    return new MutualTls(options, await SvidSource.start({ ...options, sentry: new Sentry(options) }, signal));
  }

  /** Who this process is. */
  get id(): SpiffeId {
    return this.#source.current.id;
  }

  /** For connections that others make to this process: any app of a trust domain that is let in. */
  get server(): PeerTls {
    return {
      credentials: () => this.#credentials,
      verify: (socket) => verifiedPeer(socket, (id) => this.#wrongDomain(id)),
    };
  }

  /** For connections to the sidecars of an app. */
  clientFor({ appId, namespace }: { readonly appId: string; readonly namespace: string }): PeerTls {
    const path = `/ns/${namespace === '' ? 'default' : namespace}/${appId}`;
    const wrong = (id: SpiffeId) =>
      id.path === path ? this.#wrongDomain(id) : `it has to be of spiffe://${this.id.trustDomain}${path}`;
    return {
      credentials: () => this.#credentials,
      verify: (socket) => verifiedPeer(socket, wrong),
      plaintextHint: plaintextServer,
    };
  }

  /** Told when other roots are trusted than before: connections that are there were verified under the old ones. */
  onOtherRoots(listener: () => void): void {
    this.#rootListeners.push(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source[Symbol.asyncDispose]();
  }

  #current(): TlsCredentials {
    const { chain, key } = this.#source.current;
    return { cert: chain, key, ca: this.#options.trustAnchors.pem };
  }

  #wrongDomain({ trustDomain }: SpiffeId): string | undefined {
    const own = this.id.trustDomain;
    if (trustDomain === own || this.#options.otherTrustDomains?.includes(trustDomain)) return undefined;
    return `its trust domain is not "${own}", the one of this sidecar, and no accessControl policy names it`;
  }
}
