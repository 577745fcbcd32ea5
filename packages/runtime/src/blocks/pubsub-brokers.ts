import type { ComponentRegistry } from '../components/component-instance.ts';
import { appOutcome } from '../resilience/app-outcome.ts';
import type { Policies } from '../resilience/policies.ts';
import { Broker } from './pubsub-broker.ts';

/** Every running pub/sub component by name, with its scopes, prefix, envelope and policies compiled for this app. */
export function compileBrokers(
  components: ComponentRegistry,
  policies: Policies,
  app: { readonly appId: string; readonly namespace: string },
): ReadonlyMap<string, Broker> {
  return new Map(
    components.ofKind('pubsub').map((running) => [
      running.name,
      new Broker({
        ...app,
        name: running.name,
        component: running.instance,
        properties: running.properties,
        namespaced: running.namespaced,
        outbound: policies.outbound(running),
        inbound: policies.inbound(running, appOutcome),
      }),
    ]),
  );
}
