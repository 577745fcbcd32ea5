/** One app that `outrigger run` runs with its sidecar, as its file in the registry has it. */
export interface Instance {
  readonly appId: string;
  readonly cliPid: number;
  readonly sidecarPid: number;
  readonly appPid?: number | undefined;
  readonly httpPort: number;
  readonly grpcPort: number;
  /** Folder, absolute, of the Unix sockets that the APIs have in place of the two ports. */
  readonly unixDomainSocket?: string | undefined;
  /** Absent: the sidecar serves no metrics. */
  readonly metricsPort?: number | undefined;
  readonly appPort?: number | undefined;
  readonly appProtocol?: string | undefined;
  readonly command: readonly string[];
  /** The name, and the file, of the template that it was started from. */
  readonly runTemplateName?: string | undefined;
  readonly runTemplatePath?: string | undefined;
  readonly resourcesPaths: readonly string[];
  readonly configPaths: readonly string[];
  readonly appLogPath?: string | undefined;
  readonly sidecarLogPath?: string | undefined;
  /** RFC 3339. */
  readonly startedAt: string;
}
