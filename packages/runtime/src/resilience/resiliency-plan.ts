import type { Problems } from '../resources/problems.ts';
import type {
  ActorTargetSpec,
  ComponentTargetSpec,
  ResiliencyResource,
  TargetSpec,
} from '../resources/resiliency-resource.ts';
import { PolicySet } from './policy-set.ts';

/** The Resiliency resources put together: policies by their names, and which of them each target uses. */
export interface ResiliencyPlan {
  readonly resources: readonly ResiliencyResource[];
  readonly policies: PolicySet;
  readonly apps: ReadonlyMap<string, TargetSpec>;
  readonly actors: ReadonlyMap<string, ActorTargetSpec>;
  readonly components: ReadonlyMap<string, ComponentTargetSpec>;
}

/** Puts all Resiliency resources together; of two policies or targets with one name the later one counts. What is wrong goes to `problems`. */
export async function planResiliency(
  resources: readonly ResiliencyResource[],
  problems: Problems,
): Promise<ResiliencyPlan> {
  const policies = new PolicySet();
  for (const resource of resources) await policies.add(resource, problems);
  const apps = new Map<string, TargetSpec>();
  const actors = new Map<string, ActorTargetSpec>();
  const components = new Map<string, ComponentTargetSpec>();
  for (const resource of resources) {
    const owner = `Resiliency "${resource.name}"`;
    for (const [name, target] of resource.apps) apps.set(name, target);
    for (const [name, target] of resource.actors) actors.set(name, target);
    for (const [name, target] of resource.components) components.set(name, target);
    const directions = [...resource.components.values()].flatMap(({ outbound, inbound }) => [outbound, inbound]);
    for (const target of [...resource.apps.values(), ...resource.actors.values(), ...directions]) {
      if (target !== undefined) policies.check(target, owner, problems);
    }
  }
  return { resources, policies, apps, actors, components };
}
