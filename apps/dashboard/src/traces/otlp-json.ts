import { bounded, boundedAttributes, spanKinds, type TraceSpan } from './span.ts';

type Json = Readonly<Record<string, unknown>>;

/** The spans of an `ExportTraceServiceRequest` in OTLP's JSON: ids in hexadecimal, times in nanoseconds as text. */
export function readOtlpJson(value: unknown): TraceSpan[] {
  return objects(value, 'resourceSpans').flatMap((resourceSpans) => {
    const resource = attributesOf((resourceSpans['resource'] ?? {}) as Json);
    const service = bounded(new Map(resource).get('service.name') ?? 'unknown');
    const scopes = [...objects(resourceSpans, 'scopeSpans'), ...objects(resourceSpans, 'instrumentationLibrarySpans')];
    return scopes.flatMap((scope) => objects(scope, 'spans').map((span) => readSpan(span, service)));
  });
}

function readSpan(span: Json, service: string): TraceSpan {
  const status = (span['status'] ?? {}) as Json;
  const failed = status['code'] === 2 || status['code'] === 'STATUS_CODE_ERROR';
  return {
    traceId: text(span['traceId']).toLowerCase(),
    spanId: text(span['spanId']).toLowerCase(),
    parentSpanId: text(span['parentSpanId']).toLowerCase(),
    name: bounded(text(span['name'])),
    kind: kindOf(span['kind']),
    service,
    startMs: milliseconds(span['startTimeUnixNano']),
    endMs: milliseconds(span['endTimeUnixNano']),
    attributes: boundedAttributes(attributesOf(span)),
    ...(failed && { error: bounded(text(status['message'])) || 'failed' }),
  };
}

function kindOf(kind: unknown): TraceSpan['kind'] {
  if (typeof kind === 'number') return spanKinds[kind] ?? 'unspecified';
  const word = text(kind)
    .replace(/^SPAN_KIND_/, '')
    .toLowerCase();
  return spanKinds.find((one) => one === word) ?? 'unspecified';
}

function milliseconds(nanoseconds: unknown): number {
  if (typeof nanoseconds === 'number') return nanoseconds / 1e6;
  return typeof nanoseconds === 'string' && /^\d{1,20}$/.test(nanoseconds) ? toMilliseconds(BigInt(nanoseconds)) : NaN;
}

/** In two steps, as a number cannot hold the nanoseconds since 1970. */
export function toMilliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1000n) / 1000;
}

function attributesOf(owner: Json): [string, string][] {
  return objects(owner, 'attributes').map(({ key, value }): [string, string] => [text(key), valueText(value)]);
}

function valueText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  const [one] = Object.values(value) as unknown[];
  return typeof one === 'string' ? one : (JSON.stringify(one) ?? '');
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function objects(owner: unknown, name: string): Json[] {
  const list = typeof owner === 'object' && owner !== null ? (owner as Json)[name] : undefined;
  return Array.isArray(list) ? list.filter((one): one is Json => typeof one === 'object' && one !== null) : [];
}
