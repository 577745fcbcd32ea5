/** Where the lines of a process go. */
export const logDestinations = ['console', 'file', 'fileAndConsole'] as const;
export type LogDestination = (typeof logDestinations)[number];

/** All that is needed to run one app with its sidecar; from flags or from a run file. */
export interface AppSettings {
  readonly appId: string;
  /** Where the app runs; absolute. */
  readonly folder: string;
  /** Empty: the sidecar alone. */
  readonly command: readonly string[];
  /** Absent: the app serves nothing. */
  readonly appPort?: number | undefined;
  /** Absent: a free one. */
  readonly httpPort?: number | undefined;
  readonly grpcPort?: number | undefined;
  readonly metricsPort?: number | undefined;
  /** Absolute; `undefined`: the embedded ones. */
  readonly resourcesPaths?: readonly string[] | undefined;
  readonly configPaths?: readonly string[] | undefined;
  /** Flags of the sidecar by name, without dashes. */
  readonly sidecarFlags: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string>>;
  readonly appLogDestination: LogDestination;
  readonly sidecarLogDestination: LogDestination;
  /** App ids of the same template that must be healthy before this one starts. */
  readonly dependsOn: readonly string[];
  readonly template?: { readonly name: string; readonly path: string } | undefined;
}
