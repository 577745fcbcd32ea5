import { type BulkPublishEntry, errorMessage, type Logger, type RequestMetadata, silentLogger } from '@outrigger/core';

import { cloudEventContentType } from './cloud-event.ts';
import type { EnvelopeInput } from './cloud-event-envelope.ts';
import type { ApiError } from '../errors.ts';
import type { BulkPublishEvent, FailedPublish, PublishEvent, PubSubTopics } from './pubsub.ts';
import type { Broker } from './pubsub-broker.ts';
import { EventMismatch, parseBulkEntries } from './pubsub-bulk-entries.ts';
import { pubsubErrors } from './pubsub-errors.ts';
import { EntrySpans } from './entry-spans.ts';
import { isRawPayload, noMetadata, unusableTtl } from './pubsub-metadata.ts';

/** Topics warned about; beyond that there is no further warning, so that topics made per user cannot fill the memory. */
const mostWarnings = 1000;
const neverAborts = new AbortController().signal;

/** Publishing over the loaded pub/sub components. `brokers` may change while it is in use. */
export class Publisher implements PubSubTopics {
  readonly #brokers: ReadonlyMap<string, Broker>;
  readonly #logger: Logger;
  readonly #hideSecrets: (text: string) => string;
  readonly #absent: ((pubsub: string) => ApiError | undefined) | undefined;
  readonly #warned = new Set<string>();

  /** `hideSecrets` takes secrets out of the errors of single entries; `absent` has more to say of a component that is not there. */
  constructor(
    brokers: ReadonlyMap<string, Broker>,
    logger: Logger = silentLogger,
    hideSecrets: (text: string) => string = (text) => text,
    absent?: (pubsub: string) => ApiError | undefined,
  ) {
    this.#brokers = brokers;
    this.#logger = logger;
    this.#hideSecrets = hideSecrets;
    this.#absent = absent;
  }

  async publish(event: PublishEvent, signal: AbortSignal = neverAborts): Promise<void> {
    const { topic, metadata = noMetadata } = event;
    const broker = this.#broker(event.pubsubName, topic, metadata);
    const raw = rawPayload(broker, metadata);
    authorize(broker, topic);
    this.#checkTtl(broker, topic, metadata);
    const request = raw
      ? { topic, data: event.data, metadata }
      : { topic, data: envelope(broker, event, metadata), contentType: cloudEventContentType, metadata };
    try {
      await broker.send(request, signal);
    } catch (error) {
      throw pubsubErrors.publishFailed(broker.name, topic, error);
    }
  }

  async publishMany(event: BulkPublishEvent, signal: AbortSignal = neverAborts): Promise<readonly FailedPublish[]> {
    const { pubsubName, topic, metadata = noMetadata } = event;
    const broker = this.#broker(pubsubName, topic, metadata);
    return this.#publishMany(broker, rawPayload(broker, metadata), event, signal);
  }

  async publishManyJson(
    event: Omit<BulkPublishEvent, 'entries'>,
    body: Uint8Array,
    signal: AbortSignal = neverAborts,
  ): Promise<readonly FailedPublish[]> {
    const { pubsubName, topic, metadata = noMetadata } = event;
    const broker = this.#broker(pubsubName, topic, metadata);
    const raw = rawPayload(broker, metadata);
    let entries;
    try {
      entries = parseBulkEntries(body);
    } catch (error) {
      if (error instanceof EventMismatch) throw pubsubErrors.badEvent(broker.name, topic, broker.appId, error.message);
      throw pubsubErrors.badEntries(broker.name, topic, broker.appId, error);
    }
    return this.#publishMany(broker, raw, { ...event, entries }, signal);
  }

  async #publishMany(
    broker: Broker,
    raw: boolean,
    event: BulkPublishEvent,
    signal: AbortSignal,
  ): Promise<readonly FailedPublish[]> {
    checkEntryIds(broker, event);
    authorize(broker, event.topic);
    const spans = broker.tracer === undefined || raw ? undefined : new EntrySpans(broker.tracer, event);
    try {
      const failed = await this.#sendMany(broker, raw, event, spans, signal);
      for (const { entryId } of failed) spans?.get(entryId)?.fail('the broker did not take it');
      return failed;
    } finally {
      spans?.end();
    }
  }

  async #sendMany(
    broker: Broker,
    raw: boolean,
    event: BulkPublishEvent,
    spans: EntrySpans | undefined,
    signal: AbortSignal,
  ): Promise<readonly FailedPublish[]> {
    const { topic, metadata = noMetadata } = event;
    const entries = event.entries.map(({ entryId, data, contentType, ...entry }): BulkPublishEntry => {
      const own = entry.metadata === undefined ? metadata : { ...metadata, ...entry.metadata };
      this.#checkTtl(broker, topic, own);
      if (raw) return { entryId, data, contentType, metadata: own };
      const { traceparent, tracestate } = spans?.get(entryId) ?? event;
      const wrapped = envelope(broker, { topic, data, contentType, traceparent, tracestate }, own);
      return { entryId, data: wrapped, contentType: cloudEventContentType, metadata: own };
    });
    const failed = await broker.sendMany(topic, entries, metadata, signal);
    return failed.map(({ entry, error }) => ({
      entryId: entry.entryId,
      error: this.#hideSecrets(errorMessage(error)),
    }));
  }

  /** As in Dapr, a TTL that is none is no error; but it is said, once for each topic. */
  #checkTtl(broker: Broker, topic: string, metadata: RequestMetadata): void {
    const ttl = unusableTtl(metadata);
    if (ttl === undefined || this.#warned.size >= mostWarnings) return;
    const key = `${broker.name}/${topic}`;
    if (this.#warned.has(key)) return;
    this.#warned.add(key);
    this.#logger.warn(
      `ttlInSeconds ${JSON.stringify(ttl.slice(0, 50))} of a message for topic ${topic} on pubsub ${broker.name} ` +
        `is no time above zero: it is ignored`,
    );
  }

  #broker(name: string, topic: string, metadata: RequestMetadata): Broker {
    if (name === '') throw pubsubErrors.nameEmpty(metadata);
    const broker = this.#brokers.get(name);
    if (broker === undefined) throw this.#absent?.(name) ?? pubsubErrors.notFound(name, metadata);
    if (topic === '') throw pubsubErrors.topicEmpty(name, metadata);
    return broker;
  }
}

function rawPayload(broker: Broker, metadata: RequestMetadata): boolean {
  try {
    return isRawPayload(metadata);
  } catch (error) {
    throw pubsubErrors.badMetadata(broker.name, metadata, error);
  }
}

function authorize(broker: Broker, topic: string): void {
  if (broker.scopes.publish?.(topic) === false) throw pubsubErrors.forbidden(broker.name, topic, broker.appId);
}

function envelope(broker: Broker, event: Omit<EnvelopeInput, 'metadata'>, metadata: RequestMetadata): Uint8Array {
  try {
    return broker.envelopes.write({
      topic: event.topic,
      data: event.data,
      contentType: event.contentType,
      metadata,
      traceparent: event.traceparent,
      tracestate: event.tracestate,
    });
  } catch (error) {
    throw pubsubErrors.notAnEvent(broker.name, broker.appId, error);
  }
}

function checkEntryIds(broker: Broker, event: BulkPublishEvent): void {
  const ids = new Set<string>();
  for (const { entryId } of event.entries) {
    if (entryId === '' || ids.has(entryId)) throw pubsubErrors.badEntryId(broker.name, event.topic, broker.appId);
    ids.add(entryId);
  }
}
