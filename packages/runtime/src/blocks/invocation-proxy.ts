import type { Policy } from '@outrigger/core';

import { RecentlyUsed } from '../resilience/recently-used.ts';
import type { UnreachableAddresses } from './invocation-balancing.ts';
import { appNotCallable, noAppAdvice, otherApp } from './invocation-errors.ts';
import { type CallerIdentity, peerProxyMetadata, proxyMetadata } from './invocation-headers.ts';
import { PeerApp } from './invocation-peer.ts';
import { keptRoutes, peerRetry } from './invocation-route.ts';
import { appOf, callerIdentity, InvocationTargetError, parseTarget } from './invocation-target.ts';
import type { InvocationOptions, ProxyAnswer, ProxyHop, ProxyRequest } from './invocation.ts';

/** A target of proxied calls made ready. */
interface ProxyRoute {
  readonly appId: string;
  /** Absent: this process's own app. */
  readonly peer?: PeerApp;
  /** The policy of the user's for a method. */
  readonly policyOf?: ((method: string) => Policy<ProxyAnswer>) | undefined;
  /** A resource says what happens to calls to this app, so that the built-in retries do not apply. */
  readonly isRuled?: boolean;
}

export type ProxyAttempt<A> = (hop: ProxyHop, signal: AbortSignal) => Promise<A>;

/** What stands in no id of an app. */
const cannotBeAnId = /[\s/]/;
const noEndpoints: ReadonlyMap<string, never> = new Map<string, never>();

/** Finds the way for gRPC calls that are handed on as they are. */
export class InvocationProxy {
  readonly #options: InvocationOptions;
  readonly #unreachable: UnreachableAddresses;
  readonly #self: CallerIdentity;
  readonly #routes = new RecentlyUsed<ProxyRoute>(keptRoutes);
  /** Of the policies that the routes were made with. */
  #generation: number;
  #builtIn: Policy;

  constructor(options: InvocationOptions, unreachable: UnreachableAddresses) {
    this.#options = options;
    this.#unreachable = unreachable;
    this.#self = callerIdentity(options);
    this.#generation = options.policies.generation;
    this.#builtIn = peerRetry(options);
  }

  /** Rejects with what kept the call from being answered. */
  async call<A extends ProxyAnswer>(
    { target, method, metadata }: ProxyRequest,
    attempt: ProxyAttempt<A>,
    signal: AbortSignal,
  ): Promise<A> {
    if (this.#generation !== this.#options.policies.generation) this.#renew();
    const { appId, isRuled, peer, policyOf } = this.#routes.get(target, () => this.#newRoute(target));
    if (peer === undefined) {
      this.#mustBeCallable();
      return attempt({ metadata: proxyMetadata(metadata, this.#self, { appId }) }, signal);
    }
    const outgoing = proxyMetadata(metadata, this.#self, { appId, target });
    const each = (live: AbortSignal): Promise<A> =>
      peer.each((address) => attempt({ address, peer: peer.target, metadata: outgoing }, live), live);
    const retried = (outer: AbortSignal): Promise<A> =>
      this.#builtIn.execute(async (live, count) => {
        try {
          return await each(live);
        } catch (error) {
          throw peer.unreached(error, count, live);
        }
      }, outer);
    const call = isRuled ? each : retried;
    return policyOf === undefined ? call(signal) : policyOf(method).execute(call, signal);
  }

  /** After a reload of the policies. */
  #renew(): void {
    this.#generation = this.#options.policies.generation;
    this.#builtIn = peerRetry(this.#options);
    this.#routes.clear();
  }

  /** Throws an ApiError when the app cannot be called, or is not the one that was meant. */
  fromPeer({ metadata, target }: ProxyRequest): ProxyHop {
    const { appId } = this.#options;
    if (target !== appId && target.split('.')[0] !== appId) throw otherApp(appId, target);
    this.#mustBeCallable();
    return { metadata: peerProxyMetadata(metadata) };
  }

  #mustBeCallable(): void {
    const { app, isAppHealthy } = this.#options;
    if (app === undefined) throw appNotCallable(`app channel is not initialized${noAppAdvice}`);
    if (isAppHealthy?.() === false) throw appNotCallable('app is not in a healthy state');
  }

  #newRoute(text: string): ProxyRoute {
    const { namespace: ownNamespace, peers, policies, resolver } = this.#options;
    const target = parseTarget(text, ownNamespace, noEndpoints);
    if (target.kind !== 'app' || cannotBeAnId.test(target.appId))
      throw new InvocationTargetError(`invalid app id ${text}`);
    const { appId, isSelf, namespace } = appOf(target, this.#options);
    if (isSelf) return { appId };
    return {
      appId,
      peer: new PeerApp({ appId, namespace, peers, resolver, unreachable: this.#unreachable }),
      isRuled: policies.hasApp(text) || policies.hasApp(appId),
      policyOf: policies.app<ProxyAnswer>(text, {
        statusOf: (answer) => answer.code,
        isFinal: (outcome) =>
          typeof outcome === 'object' && outcome !== null && 'isFinal' in outcome && outcome.isFinal === true,
        discard: (answer) => answer.cancel(),
      }),
    };
  }
}
