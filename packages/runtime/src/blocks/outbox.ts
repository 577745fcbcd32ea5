import { abortable, ComponentError, type StateOperation, type StateStore } from '@outrigger/core';

import { cloudEventContentType } from './cloud-event.ts';
import { type CallerTrace, outboxEnvelope, type OutboxPlan } from './outbox-events.ts';
import { Markers } from './outbox-markers.ts';
import { internalTopic, type OutboxSettings } from './outbox-settings.ts';
import type { Broker } from './pubsub-broker.ts';
import { noMetadata } from './pubsub-metadata.ts';
import { outboxFailed } from './state-errors.ts';

/** Transactions whose end this process remembers, so that their events need not be looked for; beyond that the first are forgotten. */
const mostRemembered = 10_000;

export interface OutboxOptions {
  /** Name of the state component. */
  readonly store: string;
  readonly component: StateStore;
  readonly settings: OutboxSettings;
  readonly appId: string;
  readonly namespace: string;
  /** Looked up for each event, since components come and go. */
  readonly brokers: ReadonlyMap<string, Broker>;
}

/** Makes the transaction, as often as its policy says; `operations` are the markers, `onAttempt` is told of each try. */
type Execute = (operations: readonly StateOperation[], onAttempt: () => void) => Promise<void>;

/** The outbox of one state component: transactions that publish, all or nothing. See `docs/decisions/0010-outbox.md`. */
export class Outbox {
  readonly store: string;
  readonly component: StateStore;
  readonly settings: OutboxSettings;
  readonly markers: Markers;
  /** As the app would name it. */
  readonly internalTopic: string;
  /** Resolves, or rejects with the reason, once events are fetched from the internal topic; set by who does that. */
  listening: (signal: AbortSignal) => Promise<void> = () => Promise.reject(new Error('the outbox is not started'));
  readonly #appId: string;
  readonly #brokers: ReadonlyMap<string, Broker>;
  /** Transactions of this process that are under way. */
  readonly #underWay = new Map<string, Promise<void>>();
  /** Transactions of this process that were not made and never will be. */
  readonly #undone = new Set<string>();
  /** Events of this process of which nobody knows yet whether they are where they are for. */
  readonly #open = new Set<string>();
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(options: OutboxOptions) {
    this.store = options.store;
    this.component = options.component;
    this.settings = options.settings;
    this.markers = new Markers(options.component);
    this.internalTopic = internalTopic(options, options.settings.publishTopic);
    this.#appId = options.appId;
    this.#brokers = options.brokers;
  }

  /**
   * Hands the events to the internal topic, then makes the transaction with a marker for each. When either fails it rejects, and
   * nobody gets the events, unless the transaction turns out to be done all the same.
   */
  async transact(
    events: OutboxPlan['events'],
    trace: CallerTrace,
    execute: Execute,
    signal: AbortSignal,
  ): Promise<void> {
    const ids = events.map(() => this.markers.newId());
    const ended = Promise.withResolvers<void>();
    for (const id of ids) this.#underWay.set(id, ended.promise);
    let attempts = 0;
    try {
      for (const id of ids) this.#open.add(id);
      await this.#handOver(ids, events, trace, signal);
      await execute(
        ids.map((id) => this.markers.operation(id)),
        () => attempts++,
      );
    } catch (error) {
      // an attempt whose answer was lost has written the markers, and the next is refused because of them
      if (attempts > 1 && (await this.#isDone(ids[0] ?? '', signal))) return;
      if (attempts === 0 || (attempts === 1 && isRefusal(error))) this.#remember(ids);
      throw error;
    } finally {
      for (const id of ids) this.#underWay.delete(id);
      this.#forgetOpen();
      ended.resolve();
    }
  }

  /** Waits for a transaction of this process that is under way; answers whether it is known never to be done. */
  async isUndone(id: string, signal: AbortSignal): Promise<boolean> {
    const underWay = this.#underWay.get(id);
    if (underWay !== undefined) await abortable(underWay, signal);
    return this.#undone.has(id);
  }

  /** The event is where it is for, or will never be. */
  eventIsSettled(id: string): void {
    this.#open.delete(id);
    if (this.#open.size === 0) this.#drained?.resolve();
  }

  /** Resolves once no transaction is under way and all events of this process are settled, which another process may see to. */
  async drained(): Promise<void> {
    await Promise.all(this.#underWay.values());
    if (this.#open.size > 0) await (this.#drained ??= Promise.withResolvers<void>()).promise;
  }

  /** Publishes an event whose transaction is done to the topic that it is for. */
  async publish(envelope: Uint8Array, signal: AbortSignal): Promise<void> {
    const { publishPubsub, publishTopic: topic } = this.settings;
    const broker = this.#broker(publishPubsub, topic);
    const event = { topic, data: envelope, contentType: cloudEventContentType, metadata: noMetadata };
    await broker.send({ ...event, data: broker.envelopes.write(event) }, signal);
  }

  async #handOver(
    ids: readonly string[],
    events: OutboxPlan['events'],
    trace: CallerTrace,
    signal: AbortSignal,
  ): Promise<void> {
    const { outboxPubsub, publishPubsub, publishTopic } = this.settings;
    try {
      // what could not be published later must not be written now
      this.#broker(publishPubsub, publishTopic);
      this.#broker(outboxPubsub, this.internalTopic);
      await this.listening(signal);
      for (const [index, event] of events.entries()) {
        // a component may have been reloaded since the last look
        const { envelopes } = this.#broker(publishPubsub, publishTopic);
        const data = outboxEnvelope(envelopes, ids[index] ?? '', publishTopic, event, trace);
        const request = { topic: this.internalTopic, data, contentType: cloudEventContentType, metadata: noMetadata };
        await this.#broker(outboxPubsub, this.internalTopic).send(request, signal);
      }
    } catch (error) {
      throw outboxFailed(this.#appId, error);
    }
  }

  async #isDone(id: string, signal: AbortSignal): Promise<boolean> {
    try {
      return (await this.markers.look(id, signal)) === 'committed';
    } catch {
      return false; // then nobody knows, and the failure stands
    }
  }

  /** Of very many the first are forgotten: another process may have taken them. */
  #forgetOpen(): void {
    for (const id of this.#open) {
      if (this.#open.size <= mostRemembered) break;
      this.eventIsSettled(id);
    }
  }

  #remember(ids: readonly string[]): void {
    for (const id of ids) this.#undone.add(id);
    for (const id of this.#undone) {
      if (this.#undone.size <= mostRemembered) break;
      this.#undone.delete(id);
    }
  }

  #broker(name: string, topic: string): Broker {
    const broker = this.#brokers.get(name);
    if (broker === undefined) {
      throw new ComponentError(
        'unavailable',
        `pub/sub component "${name}", which the outbox of state component "${this.store}" uses, is not loaded`,
      );
    }
    if (broker.scopes.publish?.(topic) === false) {
      throw new ComponentError(
        'invalid-argument',
        `topic ${topic} is not allowed for app id ${broker.appId}; see allowedTopics, protectedTopics and publishingScopes of component "${name}"`,
      );
    }
    return broker;
  }
}

/** The store has looked at the transaction and has not made it. Of other failures nobody knows. */
function isRefusal(error: unknown): boolean {
  return ComponentError.is(error) && !error.retryable;
}
