import {
  ActorRuntime_ActorRuntimeStatus,
  DaprDefinition,
  type GetMetadataResponse,
  PubsubSubscriptionType,
} from '@outrigger/protocol/runtime';

import { type ServiceMethod, unary } from '@outrigger/grpc';
import {
  type AppConnection,
  describe,
  type MetadataSource,
  setAttribute,
  type SidecarDescription,
} from './document.ts';

const api = { name: 'metadata', version: 'v1' };
const { methods } = DaprDefinition;

/** The methods that describe this process, and that keep attributes for it. */
export function metadataMethods(source: MetadataSource): ServiceMethod[] {
  return [
    unary(methods.getMetadata, () => metadataMessage(describe(source)), api),
    unary(
      methods.setMetadata,
      ({ key, value }) => {
        setAttribute(source, key, value);
        return {};
      },
      api,
    ),
  ];
}

function metadataMessage(description: SidecarDescription): GetMetadataResponse {
  const { id, runtimeVersion, enabledFeatures, components, extended, subscriptions } = description;
  const { actorRuntime, workflows, app } = description;
  const named = (name: string) => ({ name });
  return {
    id,
    runtimeVersion,
    enabledFeatures: [...enabledFeatures],
    registeredComponents: components.map(({ name, type, version, capabilities }) => ({
      name,
      type,
      version,
      capabilities: [...capabilities],
    })),
    extendedMetadata: { ...extended },
    subscriptions: subscriptions.map(({ metadata, rules, type, ...subscription }) => ({
      ...subscription,
      metadata: { ...metadata },
      rules: { rules: [...rules] },
      type: PubsubSubscriptionType[type],
    })),
    httpEndpoints: description.httpEndpoints.map(named),
    appConnectionProperties: connection(app),
    // oxlint-disable-next-line typescript/no-deprecated -- the message has it, as in Dapr
    activeActorsCount: [],
    actorRuntime: {
      ...actorRuntime,
      runtimeStatus: ActorRuntime_ActorRuntimeStatus[actorRuntime.runtimeStatus],
      activeActors: [],
    },
    workflows: { ...workflows },
    mcpServers: [],
    workflowAccessPolicies: [],
    resiliencies: description.resiliencies.map(named),
  };
}

function connection({ health, ...properties }: AppConnection) {
  return { ...properties, maxConcurrency: Math.max(0, properties.maxConcurrency), ...(health && { health }) };
}
