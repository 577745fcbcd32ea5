import { type AppRequest, type AppResponse } from '../app-channel/app-channel.ts';

/** Carries a call to another sidecar, which hands it to its app. */
export interface PeerTransport extends AsyncDisposable {
  /**
   * Resolves when status and headers are there; the body may still stream. Rejects with ComponentError `unavailable` when
   * the peer could not be reached before anything was sent (safe to try elsewhere), else with what the peer said.
   */
  call(address: string, target: { readonly appId: string; readonly namespace: string }, request: AppRequest, signal: AbortSignal): Promise<AppResponse>;
}

export interface InvokeRequest extends AppRequest {
  /** `app`, `app.namespace`, the name of an HTTPEndpoint, or `http(s)://host[:port]`. */
  readonly target: string;
}

export interface Invocation {
  /** Calls the target; its own status, headers and body come back whatever they are. Throws an ApiError when it was not reached. */
  invoke(request: InvokeRequest, signal: AbortSignal): Promise<AppResponse>;

  /** A peer's call to this process's app, after access control. */
  fromPeer(request: AppRequest, signal: AbortSignal): Promise<AppResponse>;
}
