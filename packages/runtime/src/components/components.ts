import type { ComponentKind, Logger } from '@outrigger/core';

import type { ComponentResource } from '../resources/component-resource.ts';
import type { ComponentInstance, ComponentRegistry } from './component-instance.ts';

/** A component that did not start, while the others go on without it. */
export interface FailedComponent {
  readonly resource: ComponentResource;
  /** Why; without secrets. */
  readonly reason: string;
  /** It is tried again in the background. */
  readonly isTriedAgain: boolean;
}

/** The components that run, in the order in which they came up; disposed in the opposite order. */
export class Components implements ComponentRegistry, AsyncDisposable {
  readonly #byName = new Map<string, ComponentInstance>();
  readonly #failed = new Map<string, FailedComponent>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(component: ComponentInstance): void {
    this.#byName.set(component.name, component);
    this.#failed.delete(component.name);
  }

  addFailed(failed: FailedComponent): void {
    this.#failed.set(failed.resource.name, failed);
  }

  /** A component that is not there, as it did not start. */
  failed(name: string): FailedComponent | undefined {
    return this.#failed.get(name);
  }

  get failedNames(): readonly string[] {
    return [...this.#failed.keys()];
  }

  deleteFailed(name: string): void {
    this.#failed.delete(name);
  }

  /** Puts a component in the place of the one that has its name; that one is left to the caller to dispose. */
  replace(component: ComponentInstance): void {
    if (!this.#byName.has(component.name)) throw new Error(`there is no component ${component.name} to replace`);
    this.#byName.set(component.name, component);
  }

  /** Forgets a component, which is left to the caller to dispose. */
  delete(name: string): void {
    this.#byName.delete(name);
  }

  get all(): readonly ComponentInstance[] {
    return [...this.#byName.values()];
  }

  get<K extends ComponentKind>(kind: K, name: string): ComponentInstance<K> | undefined {
    const found = this.#byName.get(name);
    return found?.kind === kind ? (found as ComponentInstance<K>) : undefined;
  }

  ofKind<K extends ComponentKind>(kind: K): readonly ComponentInstance<K>[] {
    return this.all.filter((one): one is ComponentInstance<K> => one.kind === kind);
  }

  /** One after the other; one that fails to close is logged and does not keep the others open. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { name, type, version, instance } of this.all.toReversed()) {
      try {
        await instance[Symbol.asyncDispose]();
      } catch (error) {
        this.#logger.warn(`Component ${name} (${type}/${version}) did not close cleanly`, { error });
      }
    }
    this.#byName.clear();
  }
}
