import { errorMessage, type Logger } from '@outrigger/core';

import type { ComponentInstance } from '../components/component-instance.ts';
import { ComponentRetries } from '../components/component-retries.ts';
import type { Components, FailedComponent } from '../components/components.ts';
import { problemOf, reasonOf } from '../components/start-components.ts';
import type { ComponentResource } from '../resources/component-resource.ts';
import type { HttpEndpointResource } from '../resources/http-endpoint-resource.ts';
import type { Resources } from '../resources/load-resources.ts';
import { describeProblem, ResourceError } from '../resources/problems.ts';
import { NeedsRestartError } from './needs-restart-error.ts';
import { isSame, withoutPlaces } from './same.ts';

/** What a runtime does with resources that have changed. */
interface ReloadTarget {
  /** Makes a component, which nobody uses yet. Rejects with what the user has to mend. */
  make(resource: ComponentResource, signal: AbortSignal): Promise<ComponentInstance>;
  /** Puts one that was made where there is none of its name. Rejects with it closed. */
  place(made: ComponentInstance, signal: AbortSignal): Promise<void>;
  /** Makes a component and puts it in the place of `was`, if given. Rejects with `was` still at work. */
  put(resource: ComponentResource, was: ComponentResource | undefined, signal: AbortSignal): Promise<void>;
  /** What is under way on it may end. */
  remove(resource: ComponentResource): Promise<void>;
  subscriptions(resources: Resources, signal: AbortSignal): Promise<void>;
  resiliencies(signal: AbortSignal): Promise<void>;
  /** Rejects with all as they were. */
  httpEndpoints(resources: readonly HttpEndpointResource[], signal: AbortSignal): Promise<void>;
}

export interface ResourceReloadsOptions {
  readonly initial: Resources;
  /** The HTTPEndpoints of `initial` are not in use: a secret store is away. */
  readonly lacksHttpEndpoints: boolean;
  /** Those of `initial` that run, and those that did not start. */
  readonly components: Components;
  /** New components that only wait for something that is away are tried again in the background. */
  readonly triesAgain: boolean;
  /** Reads all resources again. Rejects with a ResourceError when one of them is wrong. */
  readonly load: () => Promise<Resources>;
  readonly target: ReloadTarget;
  readonly logger: Logger;
}

/** Makes what runs follow the resources: only what differs is touched. One reload waits for the other. */
export class ResourceReloads implements AsyncDisposable {
  readonly #options: ResourceReloadsOptions;
  /** As they were read last. */
  #wanted: Resources;
  #current: Resources;
  /**
   * What components that failed were like, by name, where the same again would only fail again: with `ignoreErrors`, or as it takes a
   * restart.
   */
  readonly #failed: Map<string, string>;
  readonly #retries: ComponentRetries;
  /** What HTTPEndpoints that could not be used were like, and why. */
  #failedHttpEndpoints: { readonly wanted: string; readonly reason: string; readonly isTemporary: boolean } | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ResourceReloadsOptions) {
    const { initial, components: all, lacksHttpEndpoints } = options;
    const { components } = initial;
    this.#options = options;
    this.#wanted = initial;
    const running = new Set(all.all.map(({ resource }) => resource));
    this.#current = {
      ...initial,
      components: components.filter((one) => running.has(one)),
      ...(lacksHttpEndpoints && { httpEndpoints: [] }),
    };
    const failed = components.filter((one) => !running.has(one) && !all.failed(one.name)?.isTriedAgain);
    this.#failed = new Map(failed.map((one) => [one.name, withSecretStores(one, components)]));
    this.#retries = new ComponentRetries({
      waiting: () => this.#waiting(),
      tryAgain: (name, signal) => this.#tryAgain(name, signal),
    });
  }

  /** Begins to try again what did not start. */
  start(): void {
    this.#retries.follow();
  }

  /** The resources that what runs goes by: one that could not be applied is here as it was before. */
  get current(): Resources {
    return this.#current;
  }

  /** The resources as they were read last, whether they could be applied or not. */
  get wanted(): Resources {
    return this.#wanted;
  }

  /** The components that run and those that are tried again, in the order of their resources. */
  get components(): readonly ComponentResource[] {
    const waiting = [...this.#waiting()].flatMap((name) => this.#options.components.failed(name)?.resource ?? []);
    return this.#inOrder([...this.#current.components, ...waiting]);
  }

  async settled(): Promise<void> {
    await this.#last;
  }

  /** Rejects when the resources cannot be read; then nothing has changed. What cannot be applied is logged and stays as it was. */
  reload(signal: AbortSignal): Promise<void> {
    return this.#next(() => this.#reload(signal));
  }

  /** What is away is not tried again any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#retries[Symbol.asyncDispose]();
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const working = this.#last.then(work);
    this.#last = working.catch(() => {});
    return working;
  }

  #waiting(): ReadonlySet<string> {
    const { components } = this.#options;
    const names = this.#wanted.components.map(({ name }) => name);
    return new Set(names.filter((name) => components.failed(name)?.isTriedAgain));
  }

  async #reload(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { load, logger, target } = this.#options;
    const was = this.#current;
    const next = await load();
    this.#wanted = next;
    const components: ComponentResource[] = [];
    for (const resource of secretStoresFirst(next.components)) {
      const before = was.components.find(({ name }) => name === resource.name);
      const now = await this.#put(resource, before, signal);
      if (now !== undefined) components.push(now);
      this.#current = { ...this.#current, components: lastOfEach([...was.components, ...components]) };
    }
    this.#retries.follow();
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
    this.#forgetFailed(next.components);
    const gone = was.components.filter(({ name }) => !next.components.some((one) => one.name === name));
    for (const resource of gone) await this.#remove(resource);
    this.#current = { ...this.#current, components: this.#inOrder(components) };
    await this.#putHttpEndpoints(next.httpEndpoints, signal);
  }

  /** Resolves to the resource that the component goes by from now on; `undefined`: there is none. */
  async #put(
    resource: ComponentResource,
    before: ComponentResource | undefined,
    signal: AbortSignal,
  ): Promise<ComponentResource | undefined> {
    const { logger, target, components, triesAgain } = this.#options;
    const { name, type } = resource;
    const tried = withSecretStores(resource, this.#wanted.components);
    const isSettled = before !== undefined && isSame(before, resource);
    if (isSettled || this.#failed.get(name) === tried) {
      if (isSettled) this.#failed.delete(name);
      return before;
    }
    const waiting = components.failed(name);
    if (waiting?.isTriedAgain && isSame(waiting.resource, resource)) return undefined;
    this.#failed.delete(name);
    components.deleteFailed(name);
    try {
      await target.put(resource, before, signal);
      logger.info(`Component ${before === undefined ? 'added' : 'changed'}: ${name} (${type})`);
      return resource;
    } catch (error) {
      signal.throwIfAborted();
      if (before === undefined && triesAgain && error instanceof ResourceError && error.isTemporary) {
        components.addFailed({ resource, reason: reasonOf(error), isTriedAgain: true });
        logger.error(`${errorMessage(error)}; it is tried again in the background`);
        return undefined;
      }
      if (resource.ignoreErrors || error instanceof NeedsRestartError) this.#failed.set(name, tried);
      logger.error(`${errorMessage(error)}; ${before === undefined ? 'it is not there' : 'it stays as it was'}`);
      return before;
    }
  }

  /** One try of a component that is away. Resolves to whether it needs no further one; never rejects. */
  async #tryAgain(name: string, signal: AbortSignal): Promise<boolean> {
    const { components, target, logger } = this.#options;
    const failed = components.failed(name);
    if (!failed?.isTriedAgain) return true;
    const { resource } = failed;
    try {
      // before its turn: what is away must not hold up a reload
      const made = await target.make(resource, signal);
      return await this.#next(async () => {
        if (components.failed(name) !== failed) {
          await made.instance[Symbol.asyncDispose]();
          return false; // the file has changed meanwhile
        }
        await target.place(made, signal);
        components.deleteFailed(name);
        this.#current = { ...this.#current, components: this.#inOrder([...this.#current.components, resource]) };
        logger.info(`Component ${name} (${resource.type}) is up now`);
        if (made.kind === 'secrets') await this.#useSecrets(signal);
        return true;
      });
    } catch (error) {
      if (signal.aborted) return true;
      return this.#failedAgain(failed, error);
    }
  }

  #failedAgain(failed: FailedComponent, error: unknown): boolean {
    const { components, logger } = this.#options;
    const { resource } = failed;
    if (components.failed(resource.name) !== failed) return false;
    const isTriedAgain = error instanceof ResourceError && error.isTemporary;
    const reason = error instanceof ResourceError ? reasonOf(error) : errorMessage(error);
    if (isTriedAgain && reason === failed.reason) return false;
    components.addFailed({ resource, reason, isTriedAgain });
    if (!isTriedAgain) this.#failed.set(resource.name, withSecretStores(resource, this.#wanted.components));
    logger.error(
      `${errorMessage(error)}; it is ${isTriedAgain ? 'tried again in the background' : 'not there until its file changes'}`,
    );
    return !isTriedAgain;
  }

  /** A secret store is there that others may have waited for. */
  async #useSecrets(signal: AbortSignal): Promise<void> {
    this.#retries.hurry();
    await this.#putHttpEndpoints(this.#wanted.httpEndpoints, signal);
  }

  #forgetFailed(wanted: readonly ComponentResource[]): void {
    const { components } = this.#options;
    const names = new Set(wanted.map(({ name }) => name));
    for (const name of this.#failed.keys()) if (!names.has(name)) this.#failed.delete(name);
    for (const name of components.failedNames) if (!names.has(name)) components.deleteFailed(name);
  }

  /** In the order of the resources; one that is gone from them comes last. */
  #inOrder(resources: readonly ComponentResource[]): readonly ComponentResource[] {
    const places = new Map(this.#wanted.components.map(({ name }, place) => [name, place]));
    const placeOf = ({ name }: ComponentResource): number => places.get(name) ?? places.size;
    return resources.toSorted((one, other) => placeOf(one) - placeOf(other));
  }

  /** What cannot be applied is tried again when it has changed, or at each look while a secret store is away. */
  async #putHttpEndpoints(resources: readonly HttpEndpointResource[], signal: AbortSignal): Promise<void> {
    const { logger, target } = this.#options;
    const wanted = withoutPlaces(resources);
    const failed = this.#failedHttpEndpoints;
    if (wanted === failed?.wanted && !failed.isTemporary) return;
    this.#failedHttpEndpoints = undefined;
    if (wanted === withoutPlaces(this.#current.httpEndpoints)) return;
    try {
      await target.httpEndpoints(resources, signal);
    } catch (error) {
      signal.throwIfAborted();
      const reason = errorMessage(error);
      this.#failedHttpEndpoints = { wanted, reason, isTemporary: error instanceof ResourceError && error.isTemporary };
      if (failed?.reason !== reason) logger.error(`${reason}; all HTTPEndpoints stay as they were`);
      return;
    }
    this.#current = { ...this.#current, httpEndpoints: resources };
    logger.info('HTTPEndpoint resources were read again');
  }

  async #remove(resource: ComponentResource): Promise<void> {
    const { logger, target } = this.#options;
    try {
      await target.remove(resource);
      logger.info(`Component removed: ${resource.name} (${resource.type})`);
    } catch (error) {
      logger.error(describeProblem(problemOf(resource, `did not end as it should: ${errorMessage(error)}`)));
    }
  }
}

function secretStoresFirst(resources: readonly ComponentResource[]): readonly ComponentResource[] {
  const isStore = ({ type }: ComponentResource): boolean => type.startsWith('secretstores.');
  return [...resources.filter(isStore), ...resources.filter((one) => !isStore(one))];
}

/** The last of each name. */
function lastOfEach(resources: readonly ComponentResource[]): readonly ComponentResource[] {
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
