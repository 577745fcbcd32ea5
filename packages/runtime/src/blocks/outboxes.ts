import { ComponentError, type Logger } from '@outrigger/core';

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
  readonly #byStore: ReadonlyMap<string, Outbox>;
  readonly #forwarders: readonly OutboxForwarder[];

  constructor(options: OutboxesOptions) {
    const { stores, brokers, logger } = options;
    const outboxes = stores.flatMap(({ name, instance, properties }) => {
      const settings = outboxSettings(properties);
      return settings === undefined ? [] : [new Outbox({ ...options, store: name, component: instance, settings })];
    });
    this.#byStore = new Map(outboxes.map((outbox) => [outbox.store, outbox]));
    const shared = Map.groupBy(outboxes, ({ settings, internalTopic }) =>
      JSON.stringify([settings.outboxPubsub, internalTopic]),
    );
    this.#forwarders = [...shared.values()].map((group) => new OutboxForwarder({ outboxes: group, brokers, logger }));
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

  #on(pubsub: string | undefined): readonly OutboxForwarder[] {
    return pubsub === undefined ? this.#forwarders : this.#forwarders.filter((one) => one.pubsub === pubsub);
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
