import {
  type BulkOutcome,
  type BulkPublishEntry,
  noPolicy,
  type Policy,
  type PublishRequest,
  type PubSub,
  type RequestMetadata,
} from '@outrigger/core';

import type { Availability } from '../components/availability.ts';
import { type Metrics, noMetrics } from '../metrics.ts';
import type { Tracer } from '../tracing.ts';
import { PubSubMeter } from '../pubsub-meter.ts';
import { EnvelopeWriter } from './cloud-event-envelope.ts';
import { compileTopicScopes, type TopicScopes } from './topic-scopes.ts';

/** A pub/sub component that has been made, and what its resource says beside the component's own metadata. */
export interface BrokerOptions {
  readonly name: string;
  readonly component: PubSub;
  /** Is told how publishing ends. Absent: nobody is. */
  readonly availability?: Availability;
  /** All metadata of the resource; topic scopes are read from it. */
  readonly properties: Readonly<Record<string, string>>;
  /** Some metadata value uses the template `{namespace}`: topics get the namespace in front on the wire. */
  readonly namespaced: boolean;
  readonly appId: string;
  readonly namespace: string;
  /** Takes what is counted. Absent: nobody does. */
  readonly metrics?: Metrics | undefined;
  /** Records deliveries as spans. Absent: nobody does. */
  readonly tracer?: Tracer | undefined;
  /** Around publishing; asked each time. */
  readonly outbound?: () => Policy | undefined;
  /** Around the app's handling of a message; asked each time. */
  readonly inbound?: () => Policy | undefined;
}

const none = (): undefined => undefined;

/** One pub/sub component with everything the engine adds to it compiled: scopes, prefix, envelope, policies. */
export class Broker {
  readonly name: string;
  readonly component: PubSub;
  readonly appId: string;
  readonly scopes: TopicScopes;
  readonly envelopes: EnvelopeWriter;
  /** `undefined`: nobody counts. */
  readonly meter: PubSubMeter | undefined;
  /** `undefined`: nobody records spans. */
  readonly tracer: Tracer | undefined;
  /** By the app's names; what arrives there does not expire. */
  readonly deadLetterTopics = new Set<string>();
  readonly #outbound: () => Policy | undefined;
  readonly #inbound: () => Policy | undefined;
  readonly #prefix: string;
  readonly #availability: Availability | undefined;
  #sending = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: BrokerOptions) {
    this.name = options.name;
    this.component = options.component;
    this.#availability = options.availability;
    this.appId = options.appId;
    const { metrics = noMetrics, name: component, namespace } = options;
    this.meter = metrics === noMetrics ? undefined : new PubSubMeter(metrics, { component, namespace });
    this.tracer = options.tracer;
    this.scopes = compileTopicScopes(options.properties, options.appId);
    this.envelopes = new EnvelopeWriter({
      appId: options.appId,
      pubsubName: options.name,
      nativeTtl: options.component.features.includes('message-ttl'),
    });
    this.#inbound = options.inbound ?? none;
    this.#outbound = options.outbound ?? none;
    this.#prefix = options.namespaced ? options.namespace : '';
  }

  /** Around the app's handling of a message, as it is now. */
  get inbound(): Policy {
    return this.#inbound() ?? noPolicy;
  }

  /** The topic as the broker knows it. */
  wireTopic(topic: string): string {
    return this.#prefix === '' ? topic : this.#prefix + topic;
  }

  /** The topic as the app knows it. */
  appTopic(wireTopic: string): string {
    return this.#prefix !== '' && wireTopic.startsWith(this.#prefix) ? wireTopic.slice(this.#prefix.length) : wireTopic;
  }

  /** Sends bytes as they are, under the outbound policy. `request.topic` is the app's name. */
  async send(request: PublishRequest, signal: AbortSignal): Promise<void> {
    const onWire = this.#prefix === '' ? request : { ...request, topic: this.wireTopic(request.topic) };
    this.#sending++;
    try {
      const policy = this.#outbound();
      const publish = () =>
        policy === undefined
          ? this.component.publish(onWire, signal)
          : policy.execute((attempt) => this.component.publish(onWire, attempt), signal);
      await (this.meter === undefined ? publish() : this.meter.egress.measure(request.topic, publish));
      this.#availability?.worked();
    } catch (error) {
      this.#availability?.failed(error);
      throw error;
    } finally {
      this.#sent();
    }
  }

  /** Resolves once nothing is being sent. */
  idle(): Promise<void> {
    if (this.#sending === 0) return Promise.resolve();
    return (this.#idle ??= Promise.withResolvers()).promise;
  }

  /** As {@link send}, for many; only entries that failed are tried again. Answers those that failed in the end. */
  async sendMany(
    topic: string,
    entries: readonly BulkPublishEntry[],
    metadata: RequestMetadata,
    signal: AbortSignal,
  ): Promise<FailedEntry[]> {
    if (entries.length === 0) return [];
    const start = performance.now();
    const failed = await this.#sendMany(topic, entries, metadata, signal);
    const published = entries.length - failed.length;
    this.meter?.bulkPublished(topic, entries.length, published, performance.now() - start);
    return failed;
  }

  async #sendMany(
    topic: string,
    entries: readonly BulkPublishEntry[],
    metadata: RequestMetadata,
    signal: AbortSignal,
  ): Promise<FailedEntry[]> {
    const wireTopic = this.wireTopic(topic);
    let failed: FailedEntry[] = entries.map((entry) => ({ entry, error: undefined }));
    this.#sending++;
    try {
      await (this.#outbound() ?? noPolicy).execute(async (attempt) => {
        const pending = failed.map(({ entry }) => entry);
        try {
          const outcomes = await this.#publishMany(wireTopic, pending, metadata, attempt);
          failed = pending.flatMap((entry, index) => {
            const outcome = outcomes[index];
            return outcome?.ok ? [] : [{ entry, error: outcome?.error ?? new Error('the component gave no outcome') }];
          });
        } catch (error) {
          failed = pending.map((entry) => ({ entry, error }));
        }
        if (failed[0] !== undefined) throw failed[0].error;
      }, signal);
      this.#availability?.worked();
    } catch (error) {
      this.#availability?.failed(error);
      // Each entry has its own error; those without were never tried (an open breaker, an abort).
      return failed.map((one) => (one.error === undefined ? { entry: one.entry, error } : one));
    } finally {
      this.#sent();
    }
    return [];
  }

  #sent(): void {
    if (--this.#sending > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  #publishMany(
    topic: string,
    entries: readonly BulkPublishEntry[],
    metadata: RequestMetadata,
    signal: AbortSignal,
  ): Promise<BulkOutcome<void>[]> {
    if (this.component.publishMany !== undefined) {
      return this.component.publishMany({ topic, entries, metadata }, signal);
    }
    return Promise.all(
      entries.map(async ({ data, contentType, metadata: own }): Promise<BulkOutcome<void>> => {
        try {
          await this.component.publish({ topic, data, contentType, metadata: own }, signal);
          return { ok: true, value: undefined };
        } catch (error) {
          return { ok: false, error };
        }
      }),
    );
  }
}

export interface FailedEntry {
  readonly entry: BulkPublishEntry;
  readonly error: unknown;
}
