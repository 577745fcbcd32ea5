/** One app with its sidecar, as whoever serves the dashboard knows it. */
export interface DashboardInstance {
  readonly appId: string;
  /** Of the sidecar's HTTP API on 127.0.0.1; tells instances apart. */
  readonly httpPort: number;
  /** Absent: topics cannot be watched. */
  readonly grpcPort?: number | undefined;
  /** Absent: the state of breakers is not known. */
  readonly metricsPort?: number | undefined;
  readonly appPort?: number | undefined;
  readonly appProtocol?: string | undefined;
  readonly sidecarPid?: number | undefined;
  readonly appPid?: number | undefined;
  readonly command?: readonly string[] | undefined;
  /** RFC 3339. */
  readonly startedAt?: string | undefined;
  /** Sent as `dapr-api-token`; never shown. */
  readonly apiToken?: string | undefined;
  /** Folders and files from which policies and configuration are shown. */
  readonly resourcesPaths?: readonly string[] | undefined;
  readonly configPaths?: readonly string[] | undefined;
  readonly logs?: readonly DashboardLog[] | undefined;
}

export interface DashboardLog {
  /** As it is shown: `app`, `sidecar`. */
  readonly name: string;
  /** A file that grows. */
  readonly path: string;
}
