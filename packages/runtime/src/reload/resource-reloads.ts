import { errorMessage, type Logger } from '@outrigger/core';

import { problemOf } from '../components/start-components.ts';
import type { ComponentResource } from '../resources/component-resource.ts';
import type { HttpEndpointResource } from '../resources/http-endpoint-resource.ts';
import type { Resources } from '../resources/load-resources.ts';
import { describeProblem, ResourceError } from '../resources/problems.ts';
import { NeedsRestartError } from './needs-restart-error.ts';

/** What a runtime does with resources that have changed. */
interface ReloadTarget {
  /** Makes a component and puts it in the place of `was`, if given. Rejects with `was` still at work. */
  put(resource: ComponentResource, was: ComponentResource | undefined, signal: AbortSignal): Promise<void>;
  /** Rejects with the component still at work. */
  remove(resource: ComponentResource): Promise<void>;
  subscriptions(resources: Resources, signal: AbortSignal): Promise<void>;
  resiliencies(signal: AbortSignal): Promise<void>;
  /** Rejects with all as they were. */
  httpEndpoints(resources: readonly HttpEndpointResource[], signal: AbortSignal): Promise<void>;
}

export interface ResourceReloadsOptions {
  readonly initial: Resources;
  /** Whether a component of `initial` is at work; the others did not start, as their `ignoreErrors` allows. */
  readonly isRunning: (resource: ComponentResource) => boolean;
  /** Reads all resources again. Rejects with a ResourceError when one of them is wrong. */
  readonly load: () => Promise<Resources>;
  readonly target: ReloadTarget;
  readonly logger: Logger;
}

/** Makes what runs follow the resources: only what differs is touched. One reload waits for the other. */
export class ResourceReloads {
  readonly #options: ResourceReloadsOptions;
  #current: Resources;
  /** Names of components that are gone from the resources and go on, since they cannot be removed: said once. */
  readonly #unremovable = new Set<string>();
  /**
   * What components that failed were like, by name, where the same again would only fail again: with `ignoreErrors`, or as it takes a
   * restart.
   */
  readonly #failed: Map<string, string>;
  #failedHttpEndpoints: string | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ResourceReloadsOptions) {
    const { initial, isRunning } = options;
    const { components } = initial;
    this.#options = options;
    this.#current = { ...initial, components: components.filter(isRunning) };
    const failed = components.filter((one) => !isRunning(one));
    this.#failed = new Map(failed.map((one) => [one.name, withSecretStores(one, components)]));
  }

  /** The resources that what runs goes by: one that could not be applied is here as it was before. */
  get current(): Resources {
    return this.#current;
  }

  async settled(): Promise<void> {
    await this.#last;
  }

  /** Rejects when the resources cannot be read; then nothing has changed. What cannot be applied is logged and stays as it was. */
  reload(signal: AbortSignal): Promise<void> {
    const reloading = this.#last.then(() => this.#reload(signal));
    this.#last = reloading.catch(() => {});
    return reloading;
  }

  async #reload(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { load, logger, target } = this.#options;
    const was = this.#current;
    const next = await load();
    const components: ComponentResource[] = [];
    for (const resource of secretStoresFirst(next.components)) {
      this.#unremovable.delete(resource.name);
      const before = was.components.find(({ name }) => name === resource.name);
      const tried = withSecretStores(resource, next.components);
      const isSettled = before !== undefined && isSame(before, resource);
      if (isSettled || this.#failed.get(resource.name) === tried) {
        if (isSettled) this.#failed.delete(resource.name);
        if (before !== undefined) components.push(before);
        continue;
      }
      this.#failed.delete(resource.name);
      try {
        await target.put(resource, before, signal);
        logger.info(`Component ${before === undefined ? 'added' : 'changed'}: ${resource.name} (${resource.type})`);
        components.push(resource);
      } catch (error) {
        signal.throwIfAborted();
        if (resource.ignoreErrors || error instanceof NeedsRestartError) this.#failed.set(resource.name, tried);
        logger.error(`${errorMessage(error)}; ${before === undefined ? 'it is not there' : 'it stays as it was'}`);
        if (before !== undefined) components.push(before);
      }
      this.#current = { ...was, components: inOrder([...was.components, ...components]) };
    }
    if (!isSame(was.subscriptions, next.subscriptions)) {
      this.#current = { ...this.#current, subscriptions: next.subscriptions };
      await target.subscriptions({ ...this.#current, components }, signal);
      logger.info('Subscription resources were read again');
    }
    if (JSON.stringify(was.resiliencies) !== JSON.stringify(next.resiliencies)) {
      await target.resiliencies(signal);
      this.#current = { ...this.#current, resiliencies: next.resiliencies };
      logger.info('Resiliency resources were read again');
    }
    for (const name of this.#failed.keys()) {
      if (!next.components.some((one) => one.name === name)) this.#failed.delete(name);
    }
    const gone = was.components.filter(({ name }) => !next.components.some((one) => one.name === name));
    for (const resource of gone) if (!(await this.#remove(resource))) components.push(resource);
    this.#current = { ...this.#current, components };
    await this.#putHttpEndpoints(next.httpEndpoints, signal);
  }

  /** What cannot be applied is tried again when it has changed. */
  async #putHttpEndpoints(resources: readonly HttpEndpointResource[], signal: AbortSignal): Promise<void> {
    const { logger, target } = this.#options;
    const wanted = withoutPlaces(resources);
    if (wanted === this.#failedHttpEndpoints) return;
    this.#failedHttpEndpoints = undefined;
    if (wanted === withoutPlaces(this.#current.httpEndpoints)) return;
    try {
      await target.httpEndpoints(resources, signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#failedHttpEndpoints = wanted;
      logger.error(`${errorMessage(error)}; all HTTPEndpoints stay as they were`);
      return;
    }
    this.#current = { ...this.#current, httpEndpoints: resources };
    logger.info('HTTPEndpoint resources were read again');
  }

  /** Resolves to whether it is gone; one that could not be removed goes on. */
  async #remove(resource: ComponentResource): Promise<boolean> {
    const { logger, target } = this.#options;
    const { name, type } = resource;
    if (this.#unremovable.has(name)) return false;
    try {
      await target.remove(resource);
    } catch (error) {
      this.#unremovable.add(name);
      const reason =
        error instanceof ResourceError
          ? error.message
          : describeProblem(problemOf(resource, `could not be removed: ${errorMessage(error)}`));
      logger.error(`${reason}; it goes on as it was`);
      return false;
    }
    logger.info(`Component removed: ${name} (${type})`);
    return true;
  }
}

function secretStoresFirst(resources: readonly ComponentResource[]): readonly ComponentResource[] {
  const isStore = ({ type }: ComponentResource): boolean => type.startsWith('secretstores.');
  return [...resources.filter(isStore), ...resources.filter((one) => !isStore(one))];
}

/** The last of each name. */
function inOrder(resources: readonly ComponentResource[]): readonly ComponentResource[] {
  return [...new Map(resources.map((one) => [one.name, one])).values()];
}

/** What a component starts from: its resource, and those of the stores that its secrets come from; without places in files. */
function withSecretStores(resource: ComponentResource, all: readonly ComponentResource[]): string {
  const chain = new Set<ComponentResource>();
  let at: ComponentResource | undefined = resource;
  while (at !== undefined && !chain.has(at)) {
    const { secretStore }: ComponentResource = at;
    chain.add(at);
    at = all.find(({ name }) => name === secretStore);
  }
  return withoutPlaces([...chain]);
}

/** Whether both say the same, wherever they stand in their files. */
function isSame(one: unknown, other: unknown): boolean {
  return withoutPlaces(one) === withoutPlaces(other);
}

function withoutPlaces(resource: unknown): string {
  return JSON.stringify(resource, function (this: unknown, key, value: unknown) {
    const isPosition = key === 'line' && typeof value === 'number';
    // a `file` beside a line is a place, too; one in somebody's metadata is not
    const isFile = key === 'file' && typeof (this as { line?: unknown }).line === 'number';
    return isPosition || isFile ? undefined : value;
  });
}
