import type { Logger, NameResolver } from '@outrigger/core';

import type { AppChannel, AppRequest, AppResponse } from '../app-channel/app-channel.ts';
import type { Policies } from '../resilience/policies.ts';
import type { HttpEndpoint } from '../resources/http-endpoint-resource.ts';

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

export interface Invocation {
  /** Calls the target; its own status, headers and body come back whatever they are. Throws an ApiError when it was not reached. */
  invoke(request: InvokeRequest, signal: AbortSignal): Promise<AppResponse>;

  /**
   * A peer's call to this process's app. `path` is the method as the peer sent it, decoded, with or without its leading slash;
   * it is normalised here. Throws an ApiError when the app was not reached.
   */
  fromPeer(request: AppRequest, signal: AbortSignal): Promise<AppResponse>;
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
  readonly policies: Pick<Policies, 'app' | 'serviceRetry'>;
  readonly httpEndpoints?: readonly HttpEndpoint[];
  /** Address of this process as peers see it, for `X-Forwarded-For` and `Forwarded`. Default: the machine's first. */
  readonly hostAddress?: string | undefined;
  /** Longest body, in bytes, that is kept in memory so that a policy can send it again; it must say its length. Default 4 MiB. */
  readonly maxReplaySize?: number | undefined;
  readonly logger?: Logger | undefined;
}
