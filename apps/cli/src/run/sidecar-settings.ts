/** One setting of the sidecar that `run` passes on: a flag of the command, a key of dapr.yaml, and a flag of the sidecar. */
export interface SidecarSetting {
  /** Without dashes; the sidecar's has the same name. */
  readonly flag: string;
  readonly short?: string;
  /** The key in dapr.yaml. */
  readonly key: string;
  readonly kind: 'text' | 'port' | 'number' | 'flag';
  readonly help: string;
}

/** What Dapr's CLI and its run file can set, besides what `run` itself has to know. */
export const sidecarSettings: readonly SidecarSetting[] = [
  {
    flag: 'dapr-internal-grpc-port',
    short: 'I',
    key: 'daprInternalGRPCPort',
    kind: 'port',
    help: 'port on which other sidecars call this one; free when not given',
  },
  { flag: 'profile-port', key: 'profilePort', kind: 'port', help: 'port of the profiler' },
  { flag: 'enable-profiling', key: 'enableProfiling', kind: 'flag', help: 'serve the profiler' },
  { flag: 'log-level', key: 'logLevel', kind: 'text', help: 'debug, info, warn, error or fatal' },
  {
    flag: 'app-max-concurrency',
    key: 'appMaxConcurrency',
    kind: 'number',
    help: 'most calls to the app at a time; -1: no limit',
  },
  { flag: 'app-protocol', short: 'P', key: 'appProtocol', kind: 'text', help: 'http, https, h2c, grpc or grpcs' },
  { flag: 'app-channel-address', key: 'appChannelAddress', kind: 'text', help: 'address on which the app listens' },
  {
    flag: 'unix-domain-socket',
    short: 'u',
    key: 'unixDomainSocket',
    kind: 'text',
    help: 'folder for Unix sockets in place of the ports of the APIs',
  },
  { flag: 'max-body-size', key: 'maxBodySize', kind: 'text', help: 'largest body, as 4Mi' },
  { flag: 'read-buffer-size', key: 'readBufferSize', kind: 'text', help: 'largest header block, as 4Ki' },
  { flag: 'enable-app-health-check', key: 'enableAppHealthCheck', kind: 'flag', help: 'probe the health of the app' },
  { flag: 'app-health-check-path', key: 'appHealthCheckPath', kind: 'text', help: 'path of the probe' },
  { flag: 'app-health-probe-interval', key: 'appHealthProbeInterval', kind: 'number', help: 'seconds between probes' },
  {
    flag: 'app-health-probe-timeout',
    key: 'appHealthProbeTimeout',
    kind: 'number',
    help: 'milliseconds that a probe may take',
  },
  {
    flag: 'app-health-threshold',
    key: 'appHealthThreshold',
    kind: 'number',
    help: 'failed probes in a row that make the app unhealthy',
  },
  {
    flag: 'retry-components',
    key: 'retryComponents',
    kind: 'flag',
    help: 'start without components whose backend is away, and try them again',
  },
  { flag: 'enable-api-logging', key: 'enableApiLogging', kind: 'flag', help: 'log every API call' },
  {
    flag: 'dapr-listen-addresses',
    key: 'apiListenAddresses',
    kind: 'text',
    help: 'addresses of the APIs, separated by commas',
  },
  {
    flag: 'placement-host-address',
    key: 'placementHostAddress',
    kind: 'text',
    help: 'addresses of the placement service',
  },
  {
    flag: 'scheduler-host-address',
    key: 'schedulerHostAddress',
    kind: 'text',
    help: 'addresses of the scheduler service',
  },
];
