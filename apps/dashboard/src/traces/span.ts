export type SpanKind = 'unspecified' | 'internal' | 'server' | 'client' | 'producer' | 'consumer';

/** In the order of their numbers in OTLP. */
export const spanKinds: readonly SpanKind[] = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];

/** One span as the dashboard keeps it. */
export interface TraceSpan {
  /** 32 and 16 hexadecimal digits. */
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it is the first. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: SpanKind;
  /** `service.name`. */
  readonly service: string;
  /** Milliseconds since the epoch, with parts of them. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string>>;
  /** Why it failed; absent: it did not. */
  readonly error?: string;
}

const mostAttributes = 64;
const longestText = 1024;

/** Keeps within bounds what a sender may make as long as it likes. */
export function bounded(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text;
}

/** The first attributes, each within bounds. */
export function boundedAttributes(entries: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries(entries.slice(0, mostAttributes).map(([key, value]) => [bounded(key), bounded(value)]));
}

/** Whether a span has what it needs to be shown in a trace. */
export function isSound({ traceId, spanId, startMs, endMs }: TraceSpan): boolean {
  return (
    /^[0-9a-f]{32}$/.test(traceId) && /^[0-9a-f]{16}$/.test(spanId) && Number.isFinite(startMs) && endMs >= startMs
  );
}
