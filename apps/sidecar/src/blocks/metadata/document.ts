import type { Runtime } from '@outrigger/runtime';

/** How this process is connected to its app. */
export interface AppConnection {
  readonly port: number;
  /** As in `--app-protocol`. */
  readonly protocol: string;
  readonly channelAddress: string;
  /** 0 or less: no limit. */
  readonly maxConcurrency: number;
  /** Absent: the app's health is not probed. Durations as Go writes them: `5s`. */
  readonly health?: {
    /** Empty where there is none. */
    readonly healthCheckPath: string;
    readonly healthProbeInterval: string;
    readonly healthProbeTimeout: string;
    readonly healthThreshold: number;
  };
}

/** What the metadata API tells of a runtime. */
export type DescribedRuntime = Pick<
  Runtime,
  'appId' | 'components' | 'configuration' | 'httpEndpoints' | 'resiliencies' | 'subscriptions'
>;

export interface MetadataSource {
  readonly runtime: DescribedRuntime;
  /** The Dapr version whose API is spoken. */
  readonly runtimeVersion: string;
  /** Absent: there is no app. */
  readonly app?: AppConnection;
  /** Attributes of this process and those that `PUT /v1.0/metadata/{key}` has set. */
  readonly extended: Map<string, string>;
}

/** What Dapr shows when there is no app: its flags' defaults. */
const noApp: AppConnection = { port: 0, protocol: 'http', channelAddress: '127.0.0.1', maxConcurrency: 0 };

/** What the metadata API tells, whichever edge is asked. */
export interface SidecarDescription {
  readonly id: string;
  readonly runtimeVersion: string;
  readonly enabledFeatures: readonly string[];
  readonly components: Runtime['components'];
  readonly extended: Readonly<Record<string, string>>;
  readonly subscriptions: Runtime['subscriptions'];
  readonly httpEndpoints: readonly string[];
  readonly app: AppConnection;
  readonly actorRuntime: {
    readonly runtimeStatus: 'INITIALIZING' | 'DISABLED' | 'RUNNING';
    readonly hostReady: boolean;
    readonly placement: string;
  };
  readonly workflows: { readonly connectedWorkers: number };
  readonly resiliencies: readonly string[];
}

export function describe({ runtime, runtimeVersion, app = noApp, extended }: MetadataSource): SidecarDescription {
  return {
    id: runtime.appId,
    runtimeVersion,
    enabledFeatures: [...runtime.configuration.features].filter(([, enabled]) => enabled).map(([name]) => name),
    components: runtime.components,
    extended: Object.fromEntries(extended),
    subscriptions: runtime.subscriptions,
    httpEndpoints: runtime.httpEndpoints,
    app: withHealthPath(app),
    actorRuntime: { runtimeStatus: 'DISABLED', hostReady: false, placement: 'placement: disconnected' },
    workflows: { connectedWorkers: 0 },
    resiliencies: runtime.resiliencies,
  };
}

/** Apps that speak gRPC have a method for it, and no path. */
function withHealthPath(app: AppConnection): AppConnection {
  if (app.health === undefined || !app.protocol.startsWith('grpc')) return app;
  return { ...app, health: { ...app.health, healthCheckPath: '' } };
}

/** Keeps an attribute that is shown as extended metadata. One without a name is left out, as in Dapr. */
export function setAttribute({ extended }: MetadataSource, name: string, value: string): void {
  if (name !== '') extended.set(name, value);
}
