import { hostname, networkInterfaces } from 'node:os';

import type { Policy } from '@outrigger/core';

import { type AppRequest, type AppResponse, UnfitRequestError } from '../app-channel/app-channel.ts';
import { ApiError } from '../errors.ts';
import { UnreachableAddresses } from './invocation-balancing.ts';
import { isShort, OneTimeBody, wholeBody } from './invocation-body.ts';
import {
  accessDenied,
  appInvokeFailed,
  badPeerRequest,
  invokeFailed,
  noAppChannel,
  proxyFailed,
} from './invocation-errors.ts';
import { ForwardedHeaders, peerRequestHeaders, requestHeaders, responseHeaders } from './invocation-headers.ts';
import { MethodPathError, normalizeMethod, normalizePath } from './invocation-path.ts';
import { InvocationProxy } from './invocation-proxy.ts';
import { callApp, type InvocationRoute, InvocationRoutes } from './invocation-route.ts';
import type { PeerIdentity } from './peer-identity.ts';
import type {
  Invocation,
  InvocationOptions,
  InvokeRequest,
  ProxyAnswer,
  ProxyHop,
  ProxyRequest,
} from './invocation.ts';

const defaultReplaySize = 4 * 1024 * 1024;

/** The invocation building block. Disposal waits a few seconds for calls to HTTPEndpoints that are in flight; the rest belongs to others. */
export function createInvocation(options: InvocationOptions): Invocation & AsyncDisposable {
  return new InvocationBlock(options);
}

class InvocationBlock implements Invocation, AsyncDisposable {
  readonly #options: InvocationOptions;
  readonly #routes: InvocationRoutes;
  readonly #proxy: InvocationProxy;
  /** Outcomes of calls whose body was sent and cannot be sent again. */
  readonly #final = new WeakSet();

  constructor(options: InvocationOptions) {
    this.#options = options;
    const unreachable = new UnreachableAddresses();
    this.#proxy = new InvocationProxy(options, unreachable);
    this.#routes = new InvocationRoutes({
      ...options,
      unreachable,
      forwarded: new ForwardedHeaders(options.hostAddress ?? firstAddress(), hostname()),
      isFinal: (outcome) => typeof outcome === 'object' && outcome !== null && this.#final.has(outcome),
    });
  }

  async invoke(request: InvokeRequest, signal: AbortSignal): Promise<AppResponse> {
    try {
      const route = this.#routes.route(request.target);
      const path = normalizePath(request.path);
      const policy = route.policyOf?.(path);
      const body = await this.#bodyToSend(request, route);
      const headers = requestHeaders(request.headers, body);
      route.addHeaders?.(headers);
      const { verb, query, grpc } = request;
      const outbound: AppRequest = { verb, path, query, headers, body, ...(grpc && { grpc }) };
      const response = await (policy
        ? this.#attempts(policy, route, outbound, signal)
        : route.call(outbound, signal, 1));
      return { ...response, headers: responseHeaders(response.headers, response.body) };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw apiErrorIn(error) ?? invokeFailed(request.target, error);
    }
  }

  fromPeer(request: AppRequest, caller: PeerIdentity | undefined, signal: AbortSignal): Promise<AppResponse> {
    const { meter } = this.#options;
    const call = (): Promise<AppResponse> => this.#fromPeer(request, caller, signal);
    return meter === undefined ? call() : meter.received(request, call);
  }

  async #fromPeer(request: AppRequest, caller: PeerIdentity | undefined, signal: AbortSignal): Promise<AppResponse> {
    if (this.#options.app === undefined) throw noAppChannel();
    const { verb, query, body, grpc } = request;
    try {
      const path = normalizeMethod(request.path);
      this.#mayCall(caller, path, verb);
      const headers = peerRequestHeaders(request.headers, body);
      const response = await callApp(
        this.#options,
        { verb, path, query, headers, body, ...(grpc && { grpc }) },
        signal,
      );
      return { ...response, headers: responseHeaders(response.headers, response.body) };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof MethodPathError || error instanceof UnfitRequestError) throw badPeerRequest(error.message);
      throw apiErrorIn(error) ?? appInvokeFailed(error);
    }
  }

  async proxy<A extends ProxyAnswer>(
    request: ProxyRequest,
    attempt: (hop: ProxyHop, signal: AbortSignal) => Promise<A>,
    signal: AbortSignal,
  ): Promise<A> {
    try {
      return await this.#proxy.call(request, attempt, signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw apiErrorIn(error) ?? proxyFailed(request.target, error);
    }
  }

  proxyFromPeer(call: ProxyRequest, caller: PeerIdentity | undefined): ProxyHop {
    this.#mayCall(caller, call.method, undefined);
    return this.#proxy.fromPeer(call);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#routes[Symbol.asyncDispose]();
  }

  /** Throws an ApiError when access control says no. */
  #mayCall(caller: PeerIdentity | undefined, operation: string, verb: string | undefined): void {
    const { accessControl, app, logger } = this.#options;
    if (accessControl === undefined) return;
    const isGrpc = verb === undefined || app?.isGrpc === true;
    const refusal = accessControl.refusal({ caller, operation, isGrpc, ...(verb !== undefined && { verb }) });
    if (refusal === undefined) return;
    logger?.debug(refusal);
    throw accessDenied(refusal);
  }

  /** Keeps a streamed body in memory where a policy may want to send it again and it says that it is short. */
  async #bodyToSend({ body, headers }: AppRequest, route: InvocationRoute): Promise<AppRequest['body']> {
    if (!route.replays || body === undefined || body instanceof Uint8Array) return body;
    const limit = this.#options.maxReplaySize ?? defaultReplaySize;
    return isShort(headers, limit) ? wholeBody(body) : new OneTimeBody(body);
  }

  #attempts(
    policy: Policy<AppResponse>,
    route: InvocationRoute,
    request: AppRequest,
    signal: AbortSignal,
  ): Promise<AppResponse> {
    const once = request.body instanceof OneTimeBody ? request.body : undefined;
    return policy.execute(async (attemptSignal, attempt) => {
      const unmark = once && this.#markWhenAborted(once, attemptSignal);
      // An attempt's signal follows the caller's only until status and headers are there; a body lives longer.
      const live = attemptSignal === signal ? signal : AbortSignal.any([attemptSignal, signal]);
      try {
        const response = await route.call(request, live, attempt);
        if (once?.started) this.#final.add(response);
        return response;
      } catch (error) {
        if (once?.started && error instanceof Error) this.#final.add(error);
        throw error;
      } finally {
        unmark?.();
      }
    }, signal);
  }

  /**
   * A timeout ends an attempt over the head of its call: what it rejects with is the signal's reason. Hands back what ends the
   * watch.
   */
  #markWhenAborted(body: OneTimeBody, signal: AbortSignal): () => void {
    const onAbort = (): void => {
      if (body.started && signal.reason instanceof Error) this.#final.add(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    return () => signal.removeEventListener('abort', onAbort);
  }
}

/** An ApiError that comes up from below: the caller's body broke off or is too long, which no channel knows to name. */
function apiErrorIn(error: unknown): ApiError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof ApiError) return at;
  return undefined;
}

/** The machine's first IPv4 address that others can reach. */
function firstAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    const reachable = addresses?.find(({ family, internal }) => family === 'IPv4' && !internal);
    if (reachable) return reachable.address;
  }
  return '127.0.0.1';
}
