import { errorMessage, type Policy, policy } from '@outrigger/core';

import type { AppRequest, AppResponse } from '../app-channel/app-channel.ts';
import { grpcStatus } from '../errors.ts';
import { RecentlyUsed } from '../resilience/recently-used.ts';
import type { HttpEndpoint } from '../resources/http-endpoint-resource.ts';
import { HttpEndpointClient } from './http-endpoint-client.ts';
import type { InvocationOptions } from './invocation.ts';
import type { UnreachableAddresses } from './invocation-balancing.ts';
import { cancelBody } from './invocation-body.ts';
import { AppUnhealthyError, noAppAdvice } from './invocation-errors.ts';
import { addIdentity, type CallerIdentity, type ForwardedHeaders, type MutableHeaders } from './invocation-headers.ts';
import { PeerApp, PeerUnreachedError } from './invocation-peer.ts';
import { appOf, callerIdentity, parseTarget } from './invocation-target.ts';

/** A target made ready: everything that does not depend on the single call. */
export interface InvocationRoute {
  /** Makes one attempt. */
  readonly call: (request: AppRequest, signal: AbortSignal, attempt: number) => Promise<AppResponse>;
  /** Adds to the caller's headers, which are already without what ends here. */
  readonly addHeaders?: (headers: MutableHeaders) => void;
  /** The policy for a method path; absent: straight through. */
  readonly policyOf: ((path: string) => Policy<AppResponse>) | undefined;
  /** Whether that is a policy of the user's, which may send a request again that has already arrived. */
  readonly replays: boolean;
  /** Bytes of a streamed body that are kept at most so that it can be sent again; 0: it is sent once. */
  readonly keptBytes: number;
  /** Connections of this route alone, which end with it. */
  readonly client?: HttpEndpointClient;
}

export interface RouteOptions extends InvocationOptions {
  readonly forwarded: ForwardedHeaders;
  /** Whether an outcome is one of a request that cannot be sent again. */
  readonly isFinal: (outcome: unknown) => boolean;
  /** Addresses of peers that did not answer. */
  readonly unreachable: UnreachableAddresses;
}

const defaultReplaySize = 4 * 1024 * 1024;
/** For the built-in retries alone: as much as is read before the call where a body says its length. */
const builtInReplaySize = 64 * 1024;

/** Routes kept; when there are more distinct targets, those not used for longest are made ready anew when they come back. */
export const keptRoutes = 1000;

/** The routes to all targets, each made when its target is first called. */
export class InvocationRoutes implements AsyncDisposable {
  readonly #options: RouteOptions;
  readonly #self: CallerIdentity;
  /** Clients of the HTTPEndpoints by name, beside what they were made of. */
  #endpoints: ReadonlyMap<string, HttpEndpointClient>;
  #endpointTexts: ReadonlyMap<string, string>;
  readonly #routes = new RecentlyUsed<InvocationRoute>(keptRoutes, (route) => this.#drop(route));
  /** Of routes that were dropped, as long as there are calls in flight. */
  readonly #closing = new Set<HttpEndpointClient>();
  /** Of the policies that the routes were made with. */
  #generation: number;
  #peerRetry: Policy<AppResponse>;

  constructor(options: RouteOptions) {
    const { httpEndpoints = [], policies } = options;
    this.#options = options;
    this.#self = callerIdentity(options);
    this.#endpoints = new Map(httpEndpoints.map((endpoint) => [endpoint.name, new HttpEndpointClient(endpoint)]));
    this.#endpointTexts = textsOf(httpEndpoints);
    this.#generation = policies.generation;
    this.#peerRetry = peerRetry(options);
  }

  /** Throws an InvocationTargetError when the text is no target. */
  route(target: string): InvocationRoute {
    if (this.#generation !== this.#options.policies.generation) this.#renew();
    return this.#routes.get(target, () => this.#newRoute(target));
  }

  /** From now on these are the HTTPEndpoints. Calls under way end where they began; one that stays the same keeps its connections. */
  replaceHttpEndpoints(httpEndpoints: readonly HttpEndpoint[]): void {
    const [was, old, texts] = [this.#endpoints, this.#endpointTexts, textsOf(httpEndpoints)];
    this.#endpoints = new Map(
      httpEndpoints.map((endpoint) => {
        const { name } = endpoint;
        const kept = old.get(name) === texts.get(name) ? was.get(name) : undefined;
        return [name, kept ?? new HttpEndpointClient(endpoint)];
      }),
    );
    this.#endpointTexts = texts;
    this.#routes.clear();
    for (const [name, client] of was) if (this.#endpoints.get(name) !== client) this.#close(client);
  }

  /** After a reload of the policies each route is made anew; calls under way end by the old one. */
  #renew(): void {
    this.#generation = this.#options.policies.generation;
    this.#peerRetry = peerRetry(this.#options);
    this.#routes.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ofRoutes = [...this.#routes.values()].flatMap(({ client }) => client ?? []);
    const clients = [...this.#endpoints.values(), ...ofRoutes, ...this.#closing];
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  }

  #drop({ client }: InvocationRoute): void {
    if (client !== undefined) this.#close(client);
  }

  #close(client: HttpEndpointClient): void {
    this.#closing.add(client);
    const closed = (): void => void this.#closing.delete(client);
    // The failures of its calls are told to their callers.
    client.close().then(closed, closed);
  }

  get #replaySize(): number {
    return this.#options.maxReplaySize ?? defaultReplaySize;
  }

  #newRoute(text: string): InvocationRoute {
    const { namespace: ownNamespace, policies, isFinal } = this.#options;
    const target = parseTarget(text, ownNamespace, this.#endpoints);
    const policyOf = policies.app<AppResponse>(text, {
      statusOf: ({ grpc, status }) => (grpc === undefined ? status : grpcStatus[grpc.status]),
      isFinal,
      discard: (response) => cancelBody(response.body),
    });
    const keptBytes = policyOf === undefined ? 0 : this.#replaySize;
    if (target.kind === 'endpoint') return urlRoute(target.endpoint, policyOf, keptBytes);
    if (target.kind === 'url') {
      const client = new HttpEndpointClient({ baseUrl: target.url, headers: [] });
      return { ...urlRoute(client, policyOf, keptBytes), client };
    }
    const app = appOf(target, this.#options);
    if (app.isSelf) return this.#selfRoute(policyOf);
    const isRuled = policies.hasApp(text) || policies.hasApp(app.appId);
    return this.#peerRoute(app.appId, app.namespace, policyOf, isRuled);
  }

  #selfRoute(policyOf: InvocationRoute['policyOf']): InvocationRoute {
    return {
      call: async (request, signal) => callApp(this.#options, request, signal),
      addHeaders: (headers) => addIdentity(headers, this.#self, this.#self.appId),
      policyOf,
      replays: policyOf !== undefined,
      keptBytes: policyOf === undefined ? 0 : this.#replaySize,
    };
  }

  /** `isRuled`: a resource says what happens to calls to this app, so that the built-in retries do not apply. */
  #peerRoute(
    appId: string,
    namespace: string,
    policyOf: InvocationRoute['policyOf'],
    isRuled: boolean,
  ): InvocationRoute {
    const { forwarded, meter, peers, resolver, unreachable } = this.#options;
    const app = new PeerApp({ appId, namespace, peers, resolver, unreachable });
    const addHeaders = (headers: MutableHeaders): void => {
      addIdentity(headers, this.#self, appId);
      forwarded.addTo(headers);
    };
    const counted = (call: InvocationRoute['call']): InvocationRoute['call'] =>
      meter === undefined
        ? call
        : (request, signal, attempt) => meter.sent(appId, request, () => call(request, signal, attempt));
    const keptBytes = policyOf === undefined ? builtInReplaySize : this.#replaySize;
    if (isRuled) {
      const call = counted((request, signal) => app.call(request, signal));
      return { call, addHeaders, policyOf, replays: policyOf !== undefined, keptBytes };
    }
    const call = counted((request, signal, attempt) => app.attempt(request, signal, attempt));
    const builtIn = this.#peerRetry;
    if (policyOf === undefined) return { call, addHeaders, policyOf: () => builtIn, replays: false, keptBytes };
    const retried: InvocationRoute['call'] = (request, signal) =>
      builtIn.execute((live, attempt) => call(request, live, attempt), signal);
    return { call: retried, addHeaders, policyOf, replays: true, keptBytes };
  }
}

function textsOf(httpEndpoints: readonly HttpEndpoint[]): ReadonlyMap<string, string> {
  return new Map(httpEndpoints.map((endpoint) => [endpoint.name, JSON.stringify(endpoint)]));
}

/** The built-in retries, for calls to apps of which no resource says anything. */
export function peerRetry<R>({ logger, policies }: InvocationOptions): Policy<R> {
  return policy<R>([policies.serviceRetry], {
    judgeError: (error) => (error instanceof PeerUnreachedError ? 'retryable' : 'failure'),
    onRetry: ({ delay, error }) => logger?.debug(`${errorMessage(error)}; trying again in ${delay} ms`),
  });
}

/** Calls this process's own app, provided that it is there and healthy. */
export async function callApp(
  options: InvocationOptions,
  request: AppRequest,
  signal: AbortSignal,
): Promise<AppResponse> {
  const { app, isAppHealthy } = options;
  if (app === undefined) throw new Error(`cannot invoke local endpoint: app channel not initialized${noAppAdvice}`);
  if (isAppHealthy?.() === false) throw new AppUnhealthyError();
  return app.invoke(request, signal);
}

function urlRoute(
  client: HttpEndpointClient,
  policyOf: InvocationRoute['policyOf'],
  keptBytes: number,
): InvocationRoute {
  return {
    call: (request, signal) => client.call(request, signal),
    policyOf,
    replays: policyOf !== undefined,
    keptBytes,
  };
}
