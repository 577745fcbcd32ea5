/** W3C trace context as it travels: `traceparent` and `tracestate`. Both are empty where there is none. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate: string;
}

export type SpanKind = 'server' | 'client' | 'producer' | 'consumer' | 'internal';

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** A piece of work that is being traced. Its own context is what goes on to whoever works on its behalf. Nothing here throws. */
export interface Span extends TraceContext {
  /** Whether anybody will see it; attributes of one that nobody will see need not be worked out. */
  readonly sampled: boolean;
  set(name: string, value: string | number | boolean): void;
  /** Says that the work failed, and why; no secrets. */
  fail(message: string): void;
  /** To be called once; nothing counts afterwards. */
  end(): void;
}

/**
 * Records what work was done on whose behalf. Whoever has none does without: tracing that is off costs the question whether there
 * is a tracer.
 */
export interface Tracer {
  /** Begins a span under `parent`, which decides whether it is sampled; without a valid one it begins a trace. */
  start(name: string, kind: SpanKind, parent: TraceContext, attributes?: SpanAttributes): Span;
}
