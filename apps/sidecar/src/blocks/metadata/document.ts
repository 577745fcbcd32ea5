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

/** The body of `GET /v1.0/metadata`. Empty members are left out, as in Dapr. */
export function metadataDocument({ runtime, runtimeVersion, app, extended }: MetadataSource) {
  const features = [...runtime.configuration.features].filter(([, enabled]) => enabled).map(([name]) => name);
  return {
    id: runtime.appId,
    runtimeVersion,
    ...unlessEmpty('enabledFeatures', features),
    ...unlessEmpty('components', runtime.components.map(component)),
    extended: Object.fromEntries(extended),
    ...unlessEmpty('subscriptions', runtime.subscriptions.map(subscription)),
    ...unlessEmpty(
      'httpEndpoints',
      runtime.httpEndpoints.map((name) => ({ name })),
    ),
    appConnectionProperties: connection(app ?? noApp),
    actorRuntime: { runtimeStatus: 'DISABLED', hostReady: false, placement: 'placement: disconnected' },
    // shown even when it is empty
    workflows: {},
    ...unlessEmpty(
      'resiliencies',
      runtime.resiliencies.map((name) => ({ name })),
    ),
  };
}

function unlessEmpty<K extends string, T>(name: K, list: readonly T[]): { readonly [P in K]?: readonly T[] } {
  return list.length === 0 ? {} : ({ [name]: list } as { [P in K]: readonly T[] });
}

function component({ name, type, version, capabilities }: Runtime['components'][number]) {
  return { name, type, version, ...unlessEmpty('capabilities', capabilities) };
}

function subscription({ pubsubName, topic, metadata, rules, deadLetterTopic, type }: Runtime['subscriptions'][number]) {
  return {
    pubsubname: pubsubName,
    topic,
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...unlessEmpty(
      'rules',
      rules.map(({ match, path }) => ({ ...(match && { match }), ...(path && { path }) })),
    ),
    deadLetterTopic,
    type,
  };
}

function connection({ port, protocol, channelAddress, maxConcurrency, health }: AppConnection) {
  return {
    ...(port > 0 && { port }),
    protocol,
    channelAddress,
    ...(maxConcurrency > 0 && { maxConcurrency }),
    ...(health && { health }),
  };
}
