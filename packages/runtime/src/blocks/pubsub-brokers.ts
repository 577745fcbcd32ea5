import type { ComponentInstance, ComponentRegistry } from '../components/component-instance.ts';
import { appOutcome } from '../resilience/app-outcome.ts';
import type { Metrics } from '../metrics.ts';
import { following } from '../resilience/following.ts';
import type { Tracer } from '../tracing.ts';
import type { Policies } from '../resilience/policies.ts';
import { Broker } from './pubsub-broker.ts';

export interface BrokerContext {
  readonly appId: string;
  readonly namespace: string;
  readonly policies: Policies;
  /** Takes what is counted. Absent: nobody does. */
  readonly metrics?: Metrics | undefined;
  /** Records deliveries as spans. Absent: nobody does. */
  readonly tracer?: Tracer | undefined;
}

/** A running pub/sub component with its scopes, prefix, envelope and policies compiled for this app. */
export function compileBroker(running: ComponentInstance<'pubsub'>, { policies, ...app }: BrokerContext): Broker {
  return new Broker({
    ...app,
    name: running.name,
    component: running.instance,
    availability: running.availability,
    properties: running.properties,
    namespaced: running.namespaced,
    outbound: following(policies, () => policies.outbound(running)),
    inbound: following(policies, () => policies.inbound(running, appOutcome)),
  });
}

/** Every running pub/sub component by name. An entry changes when its component is reloaded. */
export function compileBrokers(components: ComponentRegistry, context: BrokerContext): Map<string, Broker> {
  return new Map(components.ofKind('pubsub').map((running) => [running.name, compileBroker(running, context)]));
}
