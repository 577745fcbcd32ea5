import { abortable, errorMessage, type Logger } from '@outrigger/core';

import type { ComponentInstance } from '../components/component-instance.ts';
import type { Components } from '../components/components.ts';
import type { ComponentResource } from '../resources/component-resource.ts';
import type { Broker } from './pubsub-broker.ts';
import { type BrokerContext, compileBroker } from './pubsub-brokers.ts';

/** What subscribes over pub/sub components and can do without one of them for a while. */
export interface PubSubUser {
  /** Resolves once nothing comes from the component any more; what is in flight when `grace` aborts is given back. */
  stop(pubsubName: string, grace: AbortSignal): Promise<void>;
  /** Subscribes anew. What cannot be subscribed to is logged and tried again where that makes sense. */
  restart(pubsubName: string, signal: AbortSignal): Promise<void>;
}

export interface PubSubReloadsOptions {
  readonly brokers: Map<string, Broker>;
  readonly components: Components;
  readonly context: BrokerContext;
  /** In the order in which they subscribe. */
  readonly users: readonly PubSubUser[];
  /** Makes the new component. */
  readonly startComponent: (resource: ComponentResource, signal: AbortSignal) => Promise<ComponentInstance>;
  readonly logger: Logger;
}

/** Puts new components in the place of pub/sub components that run, one after the other. */
export class PubSubReloads {
  readonly #options: PubSubReloadsOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: PubSubReloadsOptions) {
    this.#options = options;
  }

  /** Resolves once those that have been asked for by now are over, well or not. */
  async settled(): Promise<void> {
    await this.#last;
  }

  /**
   * The new component is made first, from `changed` or from the resource as it was: when that fails, this rejects and the old one
   * goes on. Then its subscriptions end as they do at a shutdown (paused, drained, the rest given back to the broker), those on
   * the new one begin, and the old one closes when nothing is being published over it or `grace` aborts.
   */
  reload(name: string, changed: ComponentResource | undefined, grace: AbortSignal, signal: AbortSignal): Promise<void> {
    return this.#next(() => this.#reload(name, changed, grace, signal));
  }

  /** Takes a component that has been made and is new; what subscribes on it begins. */
  add(made: ComponentInstance<'pubsub'>, signal: AbortSignal): Promise<void> {
    return this.#next(async () => {
      const { brokers, components, context, users } = this.#options;
      components.add(made);
      brokers.set(made.name, compileBroker(made, context));
      for (const user of users) await user.restart(made.name, signal);
    });
  }

  /** Ends what subscribes on a component as {@link reload} does, and closes it. */
  remove(name: string, grace: AbortSignal): Promise<void> {
    return this.#next(async () => {
      const { brokers, components, users } = this.#options;
      const running = components.get('pubsub', name);
      const broker = brokers.get(name);
      brokers.delete(name); // so that nothing more is published
      await Promise.all(users.map((user) => this.#stop(user, name, grace)));
      components.delete(name);
      if (broker !== undefined) await abortable(broker.idle(), grace).catch(() => {});
      await running?.instance[Symbol.asyncDispose]().then(undefined, (error: unknown) => {
        this.#options.logger.warn(`closing the old component ${name} failed`, { error });
      });
    });
  }

  #next(work: () => Promise<void>): Promise<void> {
    const working = this.#last.then(work);
    this.#last = working.catch(() => {});
    return working;
  }

  async #reload(name: string, changed: ComponentResource | undefined, grace: AbortSignal, signal: AbortSignal) {
    const { brokers, components, context, users, startComponent } = this.#options;
    const running = components.get('pubsub', name);
    if (running === undefined) throw new Error(`there is no pub/sub component "${name}" to reload`);
    const made = await startComponent(changed ?? running.resource, signal);
    if (made.kind !== 'pubsub' || made.name !== name || signal.aborted) {
      await made.instance[Symbol.asyncDispose]();
      signal.throwIfAborted();
      throw new Error(
        `the component "${made.name}" (${made.type}) cannot take the place of pub/sub component "${name}"`,
      );
    }
    const broker = brokers.get(name);
    await Promise.all(users.map((user) => this.#stop(user, name, grace)));
    components.replace(made);
    brokers.set(name, compileBroker(made as ComponentInstance<'pubsub'>, context));
    try {
      for (const user of users) await user.restart(name, signal);
    } finally {
      if (broker !== undefined) await abortable(broker.idle(), grace).catch(() => {}); // closing ends what hangs
      await running.instance[Symbol.asyncDispose]();
    }
  }

  /** One that does not end well keeps nobody from going on over the new component. */
  async #stop(user: PubSubUser, name: string, grace: AbortSignal): Promise<void> {
    try {
      await user.stop(name, grace);
    } catch (error) {
      this.#options.logger.error(`ending what subscribes on pubsub ${name} failed: ${errorMessage(error)}`);
    }
  }
}
