import { abortable, ComponentError, type Logger, type StateStore } from '@outrigger/core';

import type { ComponentInstance } from '../components/component-instance.ts';
import { Outbox } from './outbox.ts';
import { OutboxForwarder } from './outbox-forwarder.ts';
import { outboxSettings } from './outbox-settings.ts';
import type { Broker } from './pubsub-broker.ts';

export interface OutboxesOptions {
  readonly stores: readonly ComponentInstance<'state'>[];
  readonly brokers: ReadonlyMap<string, Broker>;
  readonly appId: string;
  readonly namespace: string;
  readonly logger: Logger;
}

/** The outboxes of all state components that have one. */
export class Outboxes {
  readonly #options: OutboxesOptions;
  readonly #byStore = new Map<string, Outbox>();
  /** Those whose component was changed or is gone, until their events are out. */
  readonly #leaving = new Set<Outbox>();
  /** By what they listen to. */
  readonly #forwarders = new Map<string, OutboxForwarder>();

  constructor(options: OutboxesOptions) {
    this.#options = options;
    for (const store of options.stores) this.#put(store);
    this.#shareForwarders();
  }

  of(store: string): Outbox | undefined {
    return this.#byStore.get(store);
  }

  /** Resolves once all of them listen whose broker can be reached; `pubsub`: only those on that component. */
  async start(signal: AbortSignal, pubsub?: string): Promise<void> {
    await Promise.all(this.#on(pubsub).map((forwarder) => forwarder.start(signal)));
  }

  async stop(grace: AbortSignal, pubsub?: string): Promise<void> {
    await Promise.all(this.#on(pubsub).map((forwarder) => forwarder.stop(grace)));
  }

  /**
   * From now on transactions over `made` publish as it says; `old`, whose place it takes, is forwarded for until {@link release}. Hands
   * back a way to begin listening where nobody has so far.
   */
  replace(
    old: ComponentInstance<'state'> | undefined,
    made: ComponentInstance<'state'> | undefined,
  ): (signal: AbortSignal) => Promise<void> {
    const was = old && this.#byStore.get(old.name);
    if (was !== undefined) {
      this.#byStore.delete(was.store);
      this.#leaving.add(was);
    }
    if (made !== undefined) this.#put(made);
    const started = this.#shareForwarders();
    return async (signal) => {
      await Promise.all(started.map((forwarder) => forwarder.start(signal)));
    };
  }

  /** Resolves once the events of a component that was replaced are out, or `grace` aborts; then nobody asks for them over it. */
  async release(component: StateStore, grace: AbortSignal): Promise<void> {
    const outbox = [...this.#leaving].find((one) => one.component === component);
    if (outbox === undefined) return;
    await abortable(outbox.drained(), grace).catch(() => {}); // then the store is left to what is there next
    this.#leaving.delete(outbox);
    this.#shareForwarders();
    for (const [topic, forwarder] of this.#forwarders) {
      if (this.#groups().has(topic)) continue;
      this.#forwarders.delete(topic);
      await forwarder.stop(grace);
    }
  }

  #put({ name, instance, properties }: ComponentInstance<'state'>): void {
    const settings = outboxSettings(properties);
    if (settings === undefined) return;
    this.#byStore.set(name, new Outbox({ ...this.#options, store: name, component: instance, settings }));
  }

  /** Hands back the forwarders that are new. */
  #shareForwarders(): OutboxForwarder[] {
    const { brokers, logger } = this.#options;
    const made: OutboxForwarder[] = [];
    for (const [topic, outboxes] of this.#groups()) {
      const known = this.#forwarders.get(topic);
      known?.use(outboxes);
      if (known !== undefined) continue;
      const forwarder = new OutboxForwarder({ outboxes, brokers, logger });
      this.#forwarders.set(topic, forwarder);
      made.push(forwarder);
    }
    return made;
  }

  /** Those that share an internal topic of one pub/sub component. */
  #groups(): ReadonlyMap<string, readonly Outbox[]> {
    return Map.groupBy([...this.#byStore.values(), ...this.#leaving], ({ settings, internalTopic }) =>
      JSON.stringify([settings.outboxPubsub, internalTopic]),
    );
  }

  #on(pubsub: string | undefined): readonly OutboxForwarder[] {
    const all = [...this.#forwarders.values()];
    return pubsub === undefined ? all : all.filter((one) => one.pubsub === pubsub);
  }
}

/**
 * Throws a ComponentError for an outbox that cannot work: half of it is missing, the store has no transactions, or nobody declares the
 * pub/sub component.
 */
export function checkOutbox(
  { type, properties, instance }: Pick<ComponentInstance<'state'>, 'type' | 'properties' | 'instance'>,
  declared: readonly string[],
): void {
  const settings = outboxSettings(properties);
  if (settings === undefined) return;
  for (const field of ['publishPubsub', 'outboxPubsub'] as const) {
    if (declared.includes(settings[field])) continue;
    const label = field === 'publishPubsub' ? 'outboxPublishPubsub' : field;
    const known = declared.length === 0 ? 'there is none' : `there is: ${declared.join(', ')}`;
    throw new ComponentError(
      'invalid-argument',
      `${label}: no pub/sub component "${settings[field]}" is there for this app (${known}); add it, or name another`,
    );
  }
  if (instance.transact === undefined) {
    throw new ComponentError(
      'unsupported',
      `outboxPublishPubsub: an outbox needs a state store that can do transactions, which ${type} cannot; take another type, or remove the outbox fields`,
    );
  }
  if (instance.transactsWithinOneShard) {
    throw new ComponentError(
      'unsupported',
      `outboxPublishPubsub: an outbox writes an item of its own with each transaction, and this ${type} is spread over several servers, which do no transaction together; take one that is not, or remove the outbox fields`,
    );
  }
}
