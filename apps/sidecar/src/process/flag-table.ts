/** What a flag's value is read as. `duration` values are milliseconds; `seconds` and `size` take plain numbers, too. */
export type FlagKind = 'text' | 'texts' | 'integer' | 'port' | 'flag' | 'duration' | 'seconds' | 'size';

export interface FlagSpec {
  readonly kind: FlagKind;
  readonly default?: string | number | boolean;
  readonly help: string;
  /** Accepted so that existing command lines work, without effect so far; said at debug level. */
  readonly inert?: true;
  /** Accepted for old command lines; says what to write instead. */
  readonly deprecated?: string;
}

/** daprd's flags (Dapr 1.18), with its defaults except where `docs/compatibility.md` says otherwise. */
const flagTable = {
  'app-id': { kind: 'text', help: 'Id of the app; other apps call it by this name' },
  mode: { kind: 'text', default: 'standalone', help: 'standalone or kubernetes' },
  config: { kind: 'texts', help: 'Configuration file; repeatable, later files win' },
  'resources-path': { kind: 'texts', help: 'Folder with resource YAML; repeatable' },
  'components-path': { kind: 'texts', help: 'Folder with resource YAML', deprecated: '--resources-path' },
  'control-plane-address': { kind: 'text', help: 'Address of the control plane', inert: true },
  'sentry-address': { kind: 'text', help: 'Address of the certificate authority, host:port' },
  'enable-mtls': { kind: 'flag', default: false, help: 'Mutual TLS with other sidecars, which need it, too' },
  'control-plane-trust-domain': { kind: 'text', help: 'Trust domain of the control plane; default localhost' },
  'control-plane-namespace': { kind: 'text', help: 'Namespace of the control plane; default default' },
  'sentry-request-jwt-audiences': { kind: 'texts', help: 'Audiences of the JWT to request', inert: true },
  'disable-builtin-k8s-secret-store': {
    kind: 'flag',
    default: false,
    help: 'No built-in Kubernetes secret store',
    inert: true,
  },
  'dapr-http-port': { kind: 'port', default: 3500, help: 'Port of the HTTP API' },
  'dapr-grpc-port': { kind: 'port', default: 50_001, help: 'Port of the gRPC API' },
  'dapr-internal-grpc-port': {
    kind: 'port',
    default: 0,
    help: 'Port on which other sidecars call this one; 0 picks a free one',
  },
  'dapr-internal-grpc-listen-address': { kind: 'text', help: 'Address to bind the internal port to' },
  'dapr-listen-addresses': { kind: 'text', help: 'Addresses to bind the APIs to, separated by commas' },
  'dapr-public-port': { kind: 'port', help: 'Port that serves only metadata and health' },
  'dapr-public-listen-address': { kind: 'text', help: 'Address to bind the public port to' },
  'unix-domain-socket': { kind: 'text', help: 'Folder for Unix sockets, in place of API ports' },
  'profile-port': { kind: 'port', default: 7777, help: 'Port of the profiler', inert: true },
  'enable-profiling': { kind: 'flag', default: false, help: 'Serve the profiler', inert: true },
  'metrics-port': { kind: 'port', default: 9090, help: 'Port of the metrics, for Prometheus; 0 picks a free one' },
  'metrics-listen-address': { kind: 'text', help: 'Address to bind the metrics port to' },
  'enable-metrics': { kind: 'flag', default: true, help: 'Serve metrics' },
  'app-port': { kind: 'port', help: 'Port on which the app listens' },
  'app-protocol': { kind: 'text', default: 'http', help: 'http, https, h2c, grpc or grpcs' },
  'app-channel-address': { kind: 'text', default: '127.0.0.1', help: 'Address on which the app listens' },
  'app-max-concurrency': { kind: 'integer', default: -1, help: 'Most calls to the app at a time; -1: no limit' },
  'app-ssl': { kind: 'flag', default: false, help: 'The app speaks TLS', deprecated: '--app-protocol https or grpcs' },
  'enable-app-health-check': { kind: 'flag', default: false, help: 'Probe the health of the app' },
  'app-health-check-path': { kind: 'text', default: '/healthz', help: 'Path of the probe' },
  'app-health-probe-interval': { kind: 'seconds', default: 5000, help: 'Time between probes' },
  'app-health-probe-timeout': { kind: 'duration', default: 500, help: 'Longest time a probe may take' },
  'app-health-threshold': { kind: 'integer', default: 3, help: 'Failed probes in a row that make the app unhealthy' },
  'app-binding-options-timeout': {
    kind: 'duration',
    default: 3000,
    help: 'Longest time the app may take to say whether it wants an input binding',
  },
  'disable-init-endpoints': { kind: 'text', help: 'config, subscribe: what not to ask the app at start' },
  'max-body-size': { kind: 'size', default: 4 * 1024 * 1024, help: 'Largest body, as 4Mi' },
  'read-buffer-size': { kind: 'size', default: 4 * 1024, help: 'Largest header block, as 4Ki' },
  'dapr-http-max-request-size': { kind: 'integer', help: 'Largest body in megabytes', deprecated: '--max-body-size' },
  'dapr-http-read-buffer-size': {
    kind: 'integer',
    help: 'Largest header block in kilobytes',
    deprecated: '--read-buffer-size',
  },
  'dapr-graceful-shutdown-seconds': {
    kind: 'integer',
    default: 5,
    help: 'Longest time for what is in flight at shutdown; messages that are being handled have four fifths of it',
  },
  'dapr-block-shutdown-duration': {
    kind: 'duration',
    help: 'Time to go on serving after a signal, or until the app is gone',
  },
  'allowed-origins': { kind: 'text', default: '', help: 'Origins for CORS, separated by commas; empty: CORS is off' },
  'placement-host-address': { kind: 'text', help: 'Addresses of the placement service', inert: true },
  'scheduler-host-address': { kind: 'text', help: 'Addresses of the scheduler service', inert: true },
  'scheduler-job-streams': { kind: 'integer', default: 3, help: 'Streams to each scheduler', inert: true },
  'actors-disseminate-timeout': {
    kind: 'duration',
    default: 30_000,
    help: 'Longest wait for the placement table',
    inert: true,
  },
  'hot-reload-reconcile-interval': {
    kind: 'duration',
    default: 60_000,
    help: 'Time between full checks of the resource folders, beside what is noticed at once; 0 for none',
  },
  'retry-components': {
    kind: 'flag',
    default: false,
    help: 'Start without components whose backend is away, and try them again in the background',
  },
  'actors-service': { kind: 'text', help: 'No effect', inert: true },
  'reminders-service': { kind: 'text', help: 'No effect', inert: true },
  'log-level': { kind: 'text', default: 'info', help: 'debug, info, warn, error or fatal' },
  'log-as-json': { kind: 'flag', default: false, help: 'One JSON object a line' },
  'log-file': { kind: 'text', help: 'Write the log to this file, too' },
  'enable-api-logging': { kind: 'flag', help: 'Log every API call' },
  version: { kind: 'flag', default: false, help: 'Print the version and exit' },
  'build-info': { kind: 'flag', default: false, help: 'Print what this build is made of and exit' },
  wait: { kind: 'flag', default: false, help: 'Wait until the sidecar at --dapr-http-port can be used, then exit 0' },
  'component-package': {
    kind: 'texts',
    help: 'Name or path of a package with components, beside those installed; repeatable',
  },
  help: { kind: 'flag', default: false, help: 'Print this and exit' },
} as const satisfies Readonly<Record<string, FlagSpec>>;

type Table = typeof flagTable;

type ValueOf<S extends FlagSpec> = S['kind'] extends 'texts'
  ? readonly string[]
  : | (S['kind'] extends 'text' ? string : S['kind'] extends 'flag' ? boolean : number)
    | (S extends { readonly default: unknown } ? never : undefined);

/** Every flag's value, defaults filled in. */
export type Flags = { readonly [N in keyof Table]: ValueOf<Table[N]> };

/** The table with its entries widened, for code that walks over it. */
export const flagSpecs: Readonly<Record<string, FlagSpec>> = flagTable;
