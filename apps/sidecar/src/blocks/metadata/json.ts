import type { Runtime } from '@outrigger/runtime';

import type { AppConnection, SidecarDescription } from './document.ts';

/** The body of `GET /v1.0/metadata`. Empty members are left out, as in Dapr. */
export function metadataJson(description: SidecarDescription) {
  const { id, runtimeVersion, enabledFeatures, components, extended, subscriptions, app } = description;
  const named = (name: string) => ({ name });
  return {
    id,
    runtimeVersion,
    ...unlessEmpty('enabledFeatures', enabledFeatures),
    ...unlessEmpty('components', components.map(component)),
    extended,
    ...unlessEmpty('subscriptions', subscriptions.map(subscription)),
    ...unlessEmpty('httpEndpoints', description.httpEndpoints.map(named)),
    appConnectionProperties: connection(app),
    actorRuntime: description.actorRuntime,
    workflows: workflows(description),
    ...unlessEmpty('resiliencies', description.resiliencies.map(named)),
  };
}

function unlessEmpty<K extends string, T>(name: K, list: readonly T[]): { readonly [P in K]?: readonly T[] } {
  return list.length === 0 ? {} : ({ [name]: list } as { [P in K]: readonly T[] });
}

/** What is ready looks as in Dapr; what is not says so. */
function component({ name, type, version, capabilities, status, message }: Runtime['components'][number]) {
  return {
    name,
    type,
    version,
    ...unlessEmpty('capabilities', capabilities),
    ...(status !== 'ready' && { status, message }),
  };
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
    ...(health && { health: healthOf(health) }),
  };
}

function healthOf({ healthCheckPath, ...health }: NonNullable<AppConnection['health']>) {
  return { ...(healthCheckPath && { healthCheckPath }), ...health };
}

/** Shown even when it is empty. */
function workflows({ workflows: { connectedWorkers } }: SidecarDescription) {
  return connectedWorkers > 0 ? { connectedWorkers } : {};
}
