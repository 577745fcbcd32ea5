import type { Span, SpanAttributes, SpanKind, TraceContext, Tracer } from '../src/tracing.ts';

/** A span as it was recorded. */
export interface RecordedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  /** The `traceparent` it was begun under; empty: none. */
  readonly parent: string;
  readonly traceparent: string;
  readonly attributes: SpanAttributes;
  readonly failure: string | undefined;
}

const traceparentFormat = /^00-([\da-f]{32})-[\da-f]{16}-[\da-f]{2}$/;

/** Keeps the spans that have ended; numbers them. */
export class RecordingTracer implements Tracer {
  readonly spans: RecordedSpan[] = [];
  #begun = 0;

  start(name: string, kind: SpanKind, parent: TraceContext, given: SpanAttributes = {}): Span {
    const id = String(++this.#begun).padStart(16, '0');
    const trace = traceparentFormat.exec(parent.traceparent)?.[1] ?? 'f'.repeat(32);
    const traceparent = `00-${trace}-${id}-01`;
    const attributes: Record<string, string | number | boolean> = { ...given };
    let failure: string | undefined;
    return {
      traceparent,
      tracestate: parent.tracestate,
      sampled: true,
      set: (key, value) => void (attributes[key] = value),
      fail: (message) => void (failure = message),
      end: () => void this.spans.push({ name, kind, parent: parent.traceparent, traceparent, attributes, failure }),
    };
  }
}
