/** One running sidecar, as others should find it. */
export interface AppInstance {
  readonly appId: string;
  /** Empty when none is set. */
  readonly namespace: string;
  /** Host name or IP address that peers can reach. */
  readonly host: string;
  /** The port of the internal gRPC server. */
  readonly port: number;
}

export interface ResolveRequest {
  readonly appId: string;
  /** Empty when none is set. */
  readonly namespace: string;
  /** The port to assume where the backend knows only host names. */
  readonly port: number;
}

/** Finds the sidecars of an app. */
export interface NameResolver extends AsyncDisposable {
  /**
   * Every known live address as `host:port` (`[host]:port` for IPv6); empty when there is none. The caller balances the load.
   */
  resolve(request: ResolveRequest, signal: AbortSignal): Promise<readonly string[]>;

  /** Makes this instance known until what it hands back is disposed. Absent where something else does that (DNS, Kubernetes). */
  register?(instance: AppInstance, signal: AbortSignal): Promise<AsyncDisposable>;
}
