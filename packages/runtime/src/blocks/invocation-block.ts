import { hostname, networkInterfaces } from 'node:os';

import type { Policy } from '@outrigger/core';

import type { AccessControl } from '../access-control/access-control.ts';
import { type AppRequest, type AppResponse, UnfitRequestError } from '../app-channel/app-channel.ts';
import { ApiError } from '../errors.ts';
import type { HttpEndpoint } from '../resources/http-endpoint-resource.ts';
import { UnreachableAddresses } from './invocation-balancing.ts';
import { toldLength, wholeBody } from './invocation-body.ts';
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
import { ReplayableBody } from '../app-channel/replayable-body.ts';
import type {
  Invocation,
  InvocationOptions,
  InvokeRequest,
  ProxyAnswer,
  ProxyHop,
  ProxyRequest,
} from './invocation.ts';

/** The building block in the hands of its owner. */
export interface OwnInvocation extends Invocation, AsyncDisposable {
  /** From now on these are the HTTPEndpoints; calls under way end where they began. */
  replaceHttpEndpoints(httpEndpoints: readonly HttpEndpoint[]): void;
  /** From now on calls of peers are judged by this; `undefined`: everybody may call everything. */
  replaceAccessControl(accessControl: AccessControl | undefined): void;
}

/** The invocation building block. Disposal waits a few seconds for calls to HTTPEndpoints that are in flight; the rest belongs to others. */
export function createInvocation(options: InvocationOptions): OwnInvocation {
  return new InvocationBlock(options);
}

class InvocationBlock implements OwnInvocation {
  readonly #options: InvocationOptions;
  #accessControl: AccessControl | undefined;
  readonly #routes: InvocationRoutes;
  readonly #proxy: InvocationProxy;
  /** Outcomes of calls whose body was sent and cannot be sent again. */
  readonly #final = new WeakSet();

  constructor(options: InvocationOptions) {
    this.#options = options;
    this.#accessControl = options.accessControl;
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
    let body: AppRequest['body'];
    try {
      const route = this.#routes.route(request.target);
      const path = normalizePath(request.path);
      const policy = route.policyOf?.(path);
      body = await bodyToSend(request, route);
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
    } finally {
      if (body instanceof ReplayableBody) body.release();
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

  replaceHttpEndpoints(httpEndpoints: readonly HttpEndpoint[]): void {
    this.#routes.replaceHttpEndpoints(httpEndpoints);
  }

  replaceAccessControl(accessControl: AccessControl | undefined): void {
    this.#accessControl = accessControl;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#routes[Symbol.asyncDispose]();
  }

  /** Throws an ApiError when access control says no. */
  #mayCall(caller: PeerIdentity | undefined, operation: string, verb: string | undefined): void {
    const { app, logger } = this.#options;
    const accessControl = this.#accessControl;
    if (accessControl === undefined) return;
    const isGrpc = verb === undefined || app?.isGrpc === true;
    const isHttpToo = app !== undefined && app.isGrpc !== true;
    const refusal = accessControl.refusal({
      caller,
      operation,
      isGrpc,
      isHttpToo,
      ...(verb !== undefined && { verb }),
    });
    if (refusal === undefined) return;
    logger?.debug(refusal);
    throw accessDenied(refusal);
  }

  #attempts(
    policy: Policy<AppResponse>,
    route: InvocationRoute,
    request: AppRequest,
    signal: AbortSignal,
  ): Promise<AppResponse> {
    const replayed = request.body instanceof ReplayableBody ? request.body : undefined;
    return policy.execute(async (attemptSignal, attempt) => {
      const unmark = replayed && this.#markWhenAborted(replayed, attemptSignal);
      // An attempt's signal follows the caller's only until status and headers are there; a body lives longer.
      const live = attemptSignal === signal ? signal : AbortSignal.any([attemptSignal, signal]);
      try {
        const response = await route.call(request, live, attempt);
        if (replayed?.isSpent) this.#final.add(response);
        return response;
      } catch (error) {
        if (replayed?.isSpent && error instanceof Error) this.#final.add(error);
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
  #markWhenAborted(body: ReplayableBody, signal: AbortSignal): () => void {
    const onAbort = (): void => {
      if (body.isSpent && signal.reason instanceof Error) this.#final.add(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    return () => signal.removeEventListener('abort', onAbort);
  }
}

/** A streamed body that an attempt may have to send again: read to its end now where it says that it is short, else kept while it is sent. */
async function bodyToSend(
  { body, headers }: AppRequest,
  { keptBytes, replays }: InvocationRoute,
): Promise<AppRequest['body']> {
  if (keptBytes === 0 || body === undefined || body instanceof Uint8Array) return body;
  const length = toldLength(headers);
  if (length === undefined) return new ReplayableBody(body, keptBytes);
  if (length > keptBytes) return new ReplayableBody(body, 0);
  return replays ? wholeBody(body) : new ReplayableBody(body, keptBytes);
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
