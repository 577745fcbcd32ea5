import type { TraceSpan } from './span.ts';

/** One line of a waterfall. */
export interface WaterfallRow {
  readonly span: TraceSpan;
  /** 0: nobody above it is known. */
  readonly depth: number;
  /** Where its bar begins and how long it is, as parts of the whole trace; 0 to 1. */
  readonly offset: number;
  readonly width: number;
}

/** The spans of one trace, each after the one it belongs to, and by their start. */
export function waterfall(spans: readonly TraceSpan[]): WaterfallRow[] {
  const known = new Set(spans.map(({ spanId }) => spanId));
  const start = Math.min(...spans.map(({ startMs }) => startMs));
  const whole = Math.max(...spans.map(({ endMs }) => endMs)) - start;
  const children = Map.groupBy(spans, ({ parentSpanId, spanId }) =>
    known.has(parentSpanId) && parentSpanId !== spanId ? parentSpanId : '',
  );
  const rows: WaterfallRow[] = [];
  const shown = new Set<TraceSpan>();
  const show = (top: readonly TraceSpan[]): void => {
    // not by recursion: how deep it goes is up to who sends
    const waiting = byStart(top).map((span) => ({ span, depth: 0 }));
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { span, depth } = next;
      if (shown.has(span)) continue;
      shown.add(span);
      const part = (ms: number) => (whole === 0 ? 0 : ms / whole);
      const width = whole === 0 ? 1 : part(span.endMs - span.startMs);
      rows.push({ span, depth, offset: part(span.startMs - start), width });
      const below = byStart(children.get(span.spanId) ?? []);
      waiting.unshift(...below.map((child) => ({ span: child, depth: depth + 1 })));
    }
  };
  show(children.get('') ?? []);
  // spans that belong to each other in a circle
  for (const span of byStart(spans)) if (!shown.has(span)) show([span]);
  return rows;
}

function byStart(spans: readonly TraceSpan[]): TraceSpan[] {
  return spans.toSorted((a, b) => a.startMs - b.startMs);
}
