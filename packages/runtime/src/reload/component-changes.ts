import type { Logger } from '@outrigger/core';

import type { AppDelivery } from '../app-delivery.ts';
import { unlessAborted } from '../app-channel/unless-aborted.ts';
import type { InputBindings } from '../blocks/input-bindings.ts';
import type { OutputBindingsBlock } from '../blocks/output-bindings.ts';
import type { PubSubReloads } from '../blocks/pubsub-reloads.ts';
import { type ComponentInstance, propertyOf } from '../components/component-instance.ts';
import type { Components } from '../components/components.ts';
import { problemOf } from '../components/start-components.ts';
import { quietly } from '../quietly.ts';
import type { ComponentResource } from '../resources/component-resource.ts';
import type { StoreBlocks } from '../store-blocks.ts';
import { NeedsRestartError } from './needs-restart-error.ts';

const never = new AbortController().signal;

export interface ComponentChangesOptions {
  readonly components: Components;
  /** Makes a component, which is not among `components` yet. Rejects with what the user has to mend. */
  readonly startComponent: (resource: ComponentResource, signal: AbortSignal) => Promise<ComponentInstance>;
  readonly pubsubs: PubSubReloads;
  readonly stores: StoreBlocks;
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
    if (old !== undefined) refuseFixed(old, 'changed');
    const made = await startComponent(resource, signal);
    try {
      signal.throwIfAborted();
      refuseFixed(made, 'changed');
      if (old !== undefined && old.kind !== made.kind) {
        throw needsRestart(resource, `was ${old.type} and is ${resource.type}`);
      }
      if (made.kind !== 'pubsub') {
        components.add(made);
        await this.#follow(made, signal);
      }
    } catch (error) {
      if (old === undefined) components.delete(made.name);
      else components.add(old);
      await made.instance[Symbol.asyncDispose]();
      throw error;
    }
    // from here on it is among the components, with which it ends
    if (made.kind === 'pubsub') await pubsubs.add(made as ComponentInstance<'pubsub'>, signal);
    if (old !== undefined) this.#close(old);
  }

  /** Rejects with the component still at work. */
  async remove({ name, type }: ComponentResource): Promise<void> {
    const { components, pubsubs, bindings, inputBindings, grace, logger } = this.#options;
    const old = components.all.find((one) => one.name === name && one.type === type);
    if (old === undefined) return;
    if (old.kind === 'pubsub') return pubsubs.remove(name, grace());
    refuseFixed(old, 'removed');
    components.delete(name);
    if (old.kind === 'bindings') {
      bindings.delete(name);
      await quietly(logger, `ending the delivery from binding ${name}`, () =>
        inputBindings?.replace(name, undefined, grace()),
      );
    } else {
      try {
        await this.#follow(old, never);
      } catch (error) {
        components.add(old);
        throw error;
      }
    }
    this.#close(old);
  }

  /** Resolves once the old components have closed. */
  async closed(): Promise<void> {
    await Promise.all(this.#closings);
  }

  /** Makes the building block use the components that are there now. */
  async #follow(one: ComponentInstance, signal: AbortSignal): Promise<void> {
    const { stores, bindings, inputBindings, delivery, grace } = this.#options;
    stores.follow(one.kind);
    if (one.kind !== 'bindings') return;
    const binding = one as ComponentInstance<'bindings'>;
    bindings.set(binding);
    await inputBindings?.replace(one.name, binding, grace());
    if (delivery.isDelivering) await inputBindings?.start(signal);
  }

  /** In the background: what is under way on it may end. */
  #close({ name, instance, idle }: ComponentInstance): void {
    const { grace, logger } = this.#options;
    const closing = quietly(logger, `closing the old component ${name}`, async () => {
      if (idle !== undefined) await unlessAborted(idle(), grace()).catch(() => {}); // closing ends what hangs
      await instance[Symbol.asyncDispose]();
    });
    this.#closings.add(closing);
    void closing.then(() => this.#closings.delete(closing));
  }
}

/** Throws for a component that something holds on to for as long as the runtime lives. */
function refuseFixed({ kind, resource, properties }: ComponentInstance, how: 'changed' | 'removed'): void {
  if (kind === 'configuration') throw needsRestart(resource, `a configuration store cannot be ${how} while it runs`);
  if (kind === 'state' && propertyOf(properties, 'outboxPublishPubsub') !== undefined) {
    throw needsRestart(resource, `a state store with an outbox cannot be ${how} while it runs`);
  }
}

function needsRestart(resource: ComponentResource, reason: string): NeedsRestartError {
  return new NeedsRestartError([problemOf(resource, `${reason}; start the sidecar anew`)]);
}
