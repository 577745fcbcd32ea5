import type { Span, Tracer } from '../tracing.ts';
import { messagingAttributes } from './delivery-span.ts';
import type { BulkPublishEvent } from './pubsub.ts';

/** The spans of the entries of a bulk publish, below the call's: as with Dapr each event belongs to its own. */
export class EntrySpans {
  readonly #spans: ReadonlyMap<string, Span>;

  constructor(tracer: Tracer, event: BulkPublishEvent) {
    const { topic, entries, traceparent = '', tracestate = '', spanName = `publish/${topic}` } = event;
    const attributes = messagingAttributes(topic);
    this.#spans = new Map(
      entries.map(({ entryId }) => [
        entryId,
        tracer.start(spanName, 'producer', { traceparent, tracestate }, attributes),
      ]),
    );
  }

  get(entryId: string): Span | undefined {
    return this.#spans.get(entryId);
  }

  end(): void {
    for (const span of this.#spans.values()) span.end();
  }
}
