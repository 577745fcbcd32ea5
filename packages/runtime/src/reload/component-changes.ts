import { abortable, type ConfigurationStore, type Logger } from '@outrigger/core';

import type { AppDelivery } from '../app-delivery.ts';
import type { ConfigurationComponent } from '../blocks/configuration.ts';
import type { InputBindings } from '../blocks/input-bindings.ts';
import type { Outboxes } from '../blocks/outboxes.ts';
import type { OutputBindingsBlock } from '../blocks/output-bindings.ts';
import type { PubSubReloads } from '../blocks/pubsub-reloads.ts';
import type { ComponentInstance } from '../components/component-instance.ts';
import { refuseOutboxes } from '../building-blocks.ts';
import type { Components } from '../components/components.ts';
import { problemOf } from '../components/start-components.ts';
import { quietly } from '../quietly.ts';
import type { ComponentResource } from '../resources/component-resource.ts';
import type { StoreBlocks } from '../store-blocks.ts';
import { NeedsRestartError } from './needs-restart-error.ts';

export interface ComponentChangesOptions {
  readonly components: Components;
  /** Makes a component, which is not among `components` yet. Rejects with what the user has to mend. */
  readonly startComponent: (resource: ComponentResource, signal: AbortSignal) => Promise<ComponentInstance>;
  readonly pubsubs: PubSubReloads;
  readonly stores: StoreBlocks;
  readonly outboxes: Outboxes;
  /** All resources as they were read last. */
  readonly declared: () => readonly ComponentResource[];
  readonly bindings: OutputBindingsBlock;
  readonly inputBindings: InputBindings | undefined;
  readonly delivery: Pick<AppDelivery, 'isDelivering'>;
  /** Aborts when what is under way on an old component is no longer waited for; asked once for each. */
  readonly grace: () => AbortSignal;
  readonly logger: Logger;
}

/** Adds, changes and removes components while the building blocks over them are at work. */
export class ComponentChanges {
  readonly #options: ComponentChangesOptions;
  readonly #closings = new Set<Promise<void>>();

  constructor(options: ComponentChangesOptions) {
    this.#options = options;
  }

  /** Makes a component and puts it in the place of `was`, if given. Rejects with `was` still at work. */
  async put(resource: ComponentResource, was: ComponentResource | undefined, signal: AbortSignal): Promise<void> {
    const { components, pubsubs, grace, startComponent } = this.#options;
    const old = components.all.find(({ name }) => name === was?.name);
    if (old?.kind === 'pubsub' && resource.type.startsWith('pubsub.')) {
      return pubsubs.reload(resource.name, resource, grace(), signal);
    }
    const made = await startComponent(resource, signal);
    await this.place(made, old, signal);
    if (old !== undefined) this.#close(old);
  }

  /** Puts a component that was made in the place of `old`, if given. Rejects with `made` closed and `old` still at work. */
  async place(made: ComponentInstance, old: ComponentInstance | undefined, signal: AbortSignal): Promise<void> {
    const { components, pubsubs } = this.#options;
    const { resource } = made;
    try {
      signal.throwIfAborted();
      if (old !== undefined && old.kind !== made.kind) {
        throw needsRestart(resource, `was ${old.type} and is ${resource.type}`);
      }
      if (made.kind !== 'pubsub') {
        components.add(made);
        await this.#follow(made, old, signal);
      }
    } catch (error) {
      if (old === undefined) components.delete(made.name);
      else components.add(old);
      await made.instance[Symbol.asyncDispose]();
      throw error;
    }
    // from here on it is among the components, with which it ends
    if (made.kind === 'pubsub') await pubsubs.add(made as ComponentInstance<'pubsub'>, signal);
  }

  /** What is under way on it may end. */
  async remove({ name, type }: ComponentResource): Promise<void> {
    const { components, pubsubs, stores, outboxes, bindings, inputBindings, grace, logger } = this.#options;
    const old = components.all.find((one) => one.name === name && one.type === type);
    if (old === undefined) return;
    if (old.kind === 'pubsub') return pubsubs.remove(name, grace());
    components.delete(name);
    if (old.kind === 'bindings') {
      bindings.delete(name);
      await quietly(logger, `ending the delivery from binding ${name}`, () =>
        inputBindings?.replace(name, undefined, grace()),
      );
    }
    if (old.kind === 'configuration') {
      await quietly(logger, `ending the subscriptions to configuration store ${name}`, () =>
        stores.configurations.delete(name, grace()),
      );
    }
    if (isState(old)) outboxes.replace(old, undefined);
    stores.follow(old.kind);
    this.#close(old);
  }

  /** Resolves once the old components have closed. */
  async closed(): Promise<void> {
    await Promise.all(this.#closings);
  }

  /** Makes the building block use the components that are there now. */
  async #follow(one: ComponentInstance, old: ComponentInstance | undefined, signal: AbortSignal): Promise<void> {
    const { stores, bindings, inputBindings, delivery, grace } = this.#options;
    if (isState(one)) return this.#followState(one, old && isState(old) ? old : undefined, signal);
    stores.follow(one.kind);
    if (one.kind === 'configuration') stores.configurations.set(storeOf(one));
    if (one.kind !== 'bindings') return;
    const binding = one as ComponentInstance<'bindings'>;
    bindings.set(binding);
    await inputBindings?.replace(one.name, binding, grace());
    if (delivery.isDelivering) await inputBindings?.start(signal);
  }

  async #followState(
    made: ComponentInstance<'state'>,
    old: ComponentInstance<'state'> | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { stores, outboxes, declared } = this.#options;
    refuseOutboxes([made], declared());
    stores.follow('state'); // throws for one that cannot be used, before anything has changed
    const listen = outboxes.replace(old, made);
    stores.follow('state');
    await listen(signal);
  }

  /** In the background: what is under way on it may end. */
  #close(old: ComponentInstance): void {
    const { outboxes, grace, logger } = this.#options;
    const { name, instance, idle } = old;
    const limit = grace();
    const closing = quietly(logger, `closing the old component ${name}`, async () => {
      if (isState(old)) await outboxes.release(old.instance, limit);
      if (idle !== undefined) await abortable(idle(), limit).catch(() => {}); // closing ends what hangs
      await instance[Symbol.asyncDispose]();
    });
    this.#closings.add(closing);
    void closing.then(() => this.#closings.delete(closing));
  }
}

function isState(component: ComponentInstance): component is ComponentInstance<'state'> {
  return component.kind === 'state';
}

function storeOf({ name, instance }: ComponentInstance): ConfigurationComponent {
  return { name, store: instance as ConfigurationStore };
}

function needsRestart(resource: ComponentResource, reason: string): NeedsRestartError {
  return new NeedsRestartError([problemOf(resource, `${reason}; start the sidecar anew`)]);
}
