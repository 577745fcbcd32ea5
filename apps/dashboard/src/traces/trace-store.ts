import { type ServiceMap, serviceMap } from './service-map.ts';
import { isSound, type TraceSpan } from './span.ts';

export interface TraceSummary {
  readonly traceId: string;
  /** Of the first span, and who made it. */
  readonly name: string;
  readonly service: string;
  readonly services: readonly string[];
  readonly startMs: number;
  readonly durationMs: number;
  readonly spans: number;
  readonly errors: number;
}

export interface TraceStoreOptions {
  /** Default 20 000. Beyond it the traces to which nothing was added for longest go. */
  readonly maxSpans?: number;
  /** Of one trace; further ones are not kept. Default 2000. */
  readonly maxSpansPerTrace?: number;
}

/** The last traces that were received, in memory. */
export class TraceStore {
  readonly #maxSpans: number;
  readonly #maxSpansPerTrace: number;
  /** Those that changed last are at the end. */
  readonly #traces = new Map<string, Map<string, TraceSpan>>();
  #spans = 0;

  constructor({ maxSpans = 20_000, maxSpansPerTrace = 2000 }: TraceStoreOptions = {}) {
    this.#maxSpans = maxSpans;
    this.#maxSpansPerTrace = maxSpansPerTrace;
  }

  /** Hands back how many were not kept, since they are no spans or too many. A span that comes again replaces what was there. */
  add(spans: readonly TraceSpan[]): number {
    let refused = 0;
    for (const span of spans) if (!isSound(span) || !this.#add(span)) refused++;
    for (const [traceId, trace] of this.#traces) {
      if (this.#spans <= this.#maxSpans) break;
      this.#traces.delete(traceId);
      this.#spans -= trace.size;
    }
    return refused;
  }

  /** The newest first. */
  list(limit = 200): TraceSummary[] {
    return [...this.#traces]
      .slice(-limit)
      .map(([traceId, trace]) => summary(traceId, [...trace.values()]))
      .toSorted((a, b) => b.startMs - a.startMs);
  }

  /** `undefined`: it is not there, or no more. */
  get(traceId: string): readonly TraceSpan[] | undefined {
    const trace = this.#traces.get(traceId);
    return trace && [...trace.values()];
  }

  map(): ServiceMap {
    return serviceMap([...this.#traces.values()].map((trace) => [...trace.values()]));
  }

  #add(span: TraceSpan): boolean {
    const trace = this.#traces.get(span.traceId) ?? new Map<string, TraceSpan>();
    // what one process calls its span another may not take from it
    const key = `${span.service}/${span.spanId}`;
    const isNew = !trace.has(key);
    if (isNew && trace.size >= this.#maxSpansPerTrace) return false;
    if (isNew) this.#spans++;
    trace.set(key, span);
    this.#traces.delete(span.traceId);
    this.#traces.set(span.traceId, trace);
    return true;
  }
}

function summary(traceId: string, spans: readonly TraceSpan[]): TraceSummary {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const byStart = spans.toSorted((a, b) => a.startMs - b.startMs);
  const first = byStart.find(({ parentSpanId }) => !ids.has(parentSpanId)) ?? byStart[0];
  const startMs = byStart[0]?.startMs ?? 0;
  return {
    traceId,
    name: first?.name ?? '',
    service: first?.service ?? '',
    services: [...new Set(byStart.map(({ service }) => service))],
    startMs,
    durationMs: Math.max(0, ...spans.map(({ endMs }) => endMs - startMs)),
    spans: spans.length,
    errors: spans.filter(({ error }) => error !== undefined).length,
  };
}
