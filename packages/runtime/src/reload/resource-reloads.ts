import { errorMessage, type Logger } from '@outrigger/core';

import { problemOf } from '../components/start-components.ts';
import type { ComponentResource } from '../resources/component-resource.ts';
import type { Resources } from '../resources/load-resources.ts';
import { describeProblem } from '../resources/problems.ts';

/** What a runtime does with resources that have changed. */
interface ReloadTarget {
  /** Makes a component and puts it in the place of `was`, if given. Rejects with `was` still at work. */
  put(resource: ComponentResource, was: ComponentResource | undefined, signal: AbortSignal): Promise<void>;
  remove(resource: ComponentResource): Promise<void>;
  subscriptions(resources: Resources, signal: AbortSignal): Promise<void>;
  resiliencies(signal: AbortSignal): Promise<void>;
}

export interface ResourceReloadsOptions {
  readonly initial: Resources;
  /** Reads all resources again. Rejects with a ResourceError when one of them is wrong. */
  readonly load: () => Promise<Resources>;
  readonly target: ReloadTarget;
  readonly logger: Logger;
}

/** Makes what runs follow the resources: only what differs is touched. One reload waits for the other. */
export class ResourceReloads {
  readonly #options: ResourceReloadsOptions;
  #current: Resources;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ResourceReloadsOptions) {
    this.#options = options;
    this.#current = options.initial;
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
      const before = was.components.find(({ name }) => name === resource.name);
      if (before !== undefined && isSame(before, resource)) {
        components.push(before);
        continue;
      }
      try {
        await target.put(resource, before, signal);
        logger.info(`Component ${before === undefined ? 'added' : 'changed'}: ${resource.name} (${resource.type})`);
        components.push(resource);
      } catch (error) {
        signal.throwIfAborted();
        logger.error(`${errorMessage(error)}; ${before === undefined ? 'it is not there' : 'it stays as it was'}`);
        if (before !== undefined) components.push(before);
      }
      this.#current = { ...was, components: inOrder([...was.components, ...components]) };
    }
    this.#current = { ...was, components };
    if (!isSame(was.subscriptions, next.subscriptions)) {
      this.#current = { ...this.#current, subscriptions: next.subscriptions };
      await target.subscriptions(this.#current, signal);
      logger.info('Subscription resources were read again');
    }
    if (JSON.stringify(was.resiliencies) !== JSON.stringify(next.resiliencies)) {
      await target.resiliencies(signal);
      this.#current = { ...this.#current, resiliencies: next.resiliencies };
      logger.info('Resiliency resources were read again');
    }
    for (const resource of was.components) {
      if (next.components.some(({ name }) => name === resource.name)) continue;
      await target.remove(resource).catch((error: unknown) => {
        logger.error(describeProblem(problemOf(resource, `could not be removed: ${errorMessage(error)}`)));
      });
      logger.info(`Component removed: ${resource.name} (${resource.type})`);
    }
    if (!isSame(was.httpEndpoints, next.httpEndpoints)) {
      this.#current = { ...this.#current, httpEndpoints: next.httpEndpoints };
      logger.warn('HTTPEndpoint resources have changed; that takes effect when the sidecar is started anew');
    }
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
