import type { ComponentDefinition, ComponentKind, ComponentKinds } from '@outrigger/core';

import type { Availability } from './availability.ts';
import type { ComponentResource } from '../resources/component-resource.ts';

/** A component that runs. Block options are read from `properties`; everything else went into the instance. */
export interface ComponentInstance<K extends ComponentKind = ComponentKind> {
  readonly kind: K;
  readonly name: string;
  /** As the resource has it; an alias stays an alias. */
  readonly type: string;
  readonly version: string;
  readonly definition: ComponentDefinition;
  readonly resource: ComponentResource;
  /** The resource's metadata with secrets, environment and templates filled in; names as in the YAML. Never logged. */
  readonly properties: Readonly<Record<string, string>>;
  /** Some value used the template `{namespace}`. */
  readonly namespaced: boolean;
  /** Dapr's capability strings, derived from the instance's features and methods. */
  readonly capabilities: readonly string[];
  readonly instance: ComponentKinds[K];
  /** Resolves once no call of the instance is under way. Absent: nobody counts them. */
  readonly idle?: () => Promise<void>;
  /** Follows how its calls end, those of pub/sub components when they publish. */
  readonly availability: Availability;
}

/** The running components by block and name. Read it at each use: components come, change and go while it runs. */
export interface ComponentRegistry {
  get<K extends ComponentKind>(kind: K, name: string): ComponentInstance<K> | undefined;
  /** In the order in which their resources were read. */
  ofKind<K extends ComponentKind>(kind: K): readonly ComponentInstance<K>[];
}

/** A property by name, in any case; `undefined` when it is not there or empty. */
export function propertyOf(properties: Readonly<Record<string, string>>, name: string): string | undefined {
  const lower = name.toLowerCase();
  for (const [candidate, value] of Object.entries(properties)) {
    if (candidate.toLowerCase() === lower) return value === '' ? undefined : value;
  }
  return undefined;
}
