import type { Logger, NameResolver } from '@outrigger/core';

import type { AccessControl } from '../access-control/access-control.ts';
import type { AppChannel, AppRequest, AppResponse, HeaderMap } from '../app-channel/app-channel.ts';
import type { Policies } from '../resilience/policies.ts';
import type { HttpEndpoint } from '../resources/http-endpoint-resource.ts';
import type { InvocationMeter } from './invocation-meter.ts';
import type { PeerIdentity } from './peer-identity.ts';

/** Carries a call to another sidecar, which hands it to its app. */
export interface PeerTransport extends AsyncDisposable {
  /**
   * Resolves when status and headers are there; the body may still stream. Rejects with ComponentError `unavailable` when
   * the peer could not be reached before anything was sent (safe to try elsewhere), else with a PeerError that has what the
   * peer said. An abort cancels the call, and the body that still streams.
   */
  call(
    address: string,
    target: { readonly appId: string; readonly namespace: string },
    request: AppRequest,
    signal: AbortSignal,
  ): Promise<AppResponse>;
}

export interface InvokeRequest extends AppRequest {
  /** `app`, `app.namespace`, the name of an HTTPEndpoint, or `http(s)://host[:port]`. */
  readonly target: string;
  /** As in a URL, that is, escaped; it is normalised here. */
  readonly path: string;
}

/** A gRPC call that is handed on as it is; nobody here looks into its messages. */
export interface ProxyRequest {
  /** `app` or `app.namespace`. */
  readonly target: string;
  /** `/package.Service/Method`. */
  readonly method: string;
  /** As the caller sent it, without what belongs to the transport. */
  readonly metadata: HeaderMap;
}

/** Where a gRPC call goes next. */
export interface ProxyHop {
  /** Of a sidecar of the target's app; absent: this process's own app. */
  readonly address?: string;
  /** Whose sidecar is at the address; there where that is. */
  readonly peer?: { readonly appId: string; readonly namespace: string };
  /** What is to go along: the caller's without what ends here, and who calls whom. */
  readonly metadata: HeaderMap;
}

/** What has come of an attempt to hand a gRPC call on when the first is heard of it again. */
export interface ProxyAnswer {
  /** gRPC code with which the call has ended and nothing else was answered; `undefined`: the answer has begun. */
  readonly code: number | undefined;
  /** The request cannot be sent again. */
  readonly isFinal: boolean;
  /** Lets go of an answer that nobody will see. */
  cancel(): void;
}

export interface Invocation {
  /** Calls the target; its own status, headers and body come back whatever they are. Throws an ApiError when it was not reached. */
  invoke(request: InvokeRequest, signal: AbortSignal): Promise<AppResponse>;

  /**
   * A peer's call to this process's app. `path` is the method as the peer sent it, decoded, with or without its leading slash;
   * it is normalised here. Throws an ApiError when the app was not reached, or when access control refuses the call.
   *
   * @param caller `undefined`: the connection says nothing of who the peer is
   */
  fromPeer(request: AppRequest, caller: PeerIdentity | undefined, signal: AbortSignal): Promise<AppResponse>;

  /**
   * Hands a gRPC call on to the target's app: `attempt` is made with one of its sidecars after the other, and again as the
   * target's policies say, until it is answered. What comes after the answer's beginning is no business of the policies. As in
   * Dapr there are none for calls to this process's own app.
   *
   * @param attempt resolves when something was answered; rejects with ComponentError `unavailable` when nothing was sent
   * @returns the answer of the last attempt, whatever it is; throws an ApiError when there was none
   */
  proxy<A extends ProxyAnswer>(
    request: ProxyRequest,
    attempt: (hop: ProxyHop, signal: AbortSignal) => Promise<A>,
    signal: AbortSignal,
  ): Promise<A>;

  /**
   * Where a gRPC call of a peer goes: to this process's app, for which it must be. Throws an ApiError when the app cannot be
   * called, or when access control refuses the call.
   *
   * @param call `target` is the app id that the peer has named, `method` is `/package.Service/Method`
   * @param caller as for {@link fromPeer}
   */
  proxyFromPeer(call: ProxyRequest, caller: PeerIdentity | undefined): ProxyHop;
}

export interface InvocationOptions {
  readonly appId: string;
  /** Empty when none is set. */
  readonly namespace: string;
  /** Absent: there is no app, calls to this app id fail. */
  readonly app?: AppChannel | undefined;
  /** Asked before each call to the app. Default: it is healthy. */
  readonly isAppHealthy?: (() => boolean) | undefined;
  readonly resolver?: NameResolver | undefined;
  /** Absent: other apps cannot be called. */
  readonly peers?: PeerTransport | undefined;
  /** Absent: every peer may call everything. */
  readonly accessControl?: AccessControl | undefined;
  /** Counts calls between sidecars. Absent: nobody does. */
  readonly meter?: InvocationMeter | undefined;
  readonly policies: Pick<Policies, 'app' | 'hasApp' | 'serviceRetry' | 'generation'>;
  readonly httpEndpoints?: readonly HttpEndpoint[];
  /** Address of this process as peers see it, for `X-Forwarded-For` and `Forwarded`. Default: the machine's first. */
  readonly hostAddress?: string | undefined;
  /** Longest body, in bytes, that is kept in memory so that a policy can send it again. Default 4 MiB. */
  readonly maxReplaySize?: number | undefined;
  readonly logger?: Logger | undefined;
}
