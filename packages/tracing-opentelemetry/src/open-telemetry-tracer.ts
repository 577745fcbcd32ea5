import {
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type Span as OtelSpan,
  SpanKind as OtelKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { Logger } from '@outrigger/core';
import type { Span, TraceContext, Tracer } from '@outrigger/runtime';

import { spanExporters } from './span-exporters.ts';
import type { TracingSettings } from './tracing-settings.ts';

/** Sends what is left when disposed of, for at most 3 s. */
export interface OpenTelemetryTracer extends Tracer, AsyncDisposable {}

const kinds = {
  internal: OtelKind.INTERNAL,
  server: OtelKind.SERVER,
  client: OtelKind.CLIENT,
  producer: OtelKind.PRODUCER,
  consumer: OtelKind.CONSUMER,
} as const;
const flushLimit = 3000;
const format = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})/;

/**
 * A tracer over OpenTelemetry's SDK. Spans wait in a bounded queue (2048) for whoever takes them, and are dropped when it is full.
 *
 * @param processors in place of those that `settings` names
 */
export function openTelemetryTracer(
  settings: TracingSettings,
  logger: Logger,
  processors: SpanProcessor[] = spanExporters(settings, logger).map((one) => new BatchSpanProcessor(one)),
): OpenTelemetryTracer {
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': settings.serviceName }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(settings.samplingRate) }),
    spanProcessors: processors,
  });
  const tracer = provider.getTracer('outrigger');
  return {
    start: (name, kind, parent, attributes = {}) =>
      new RecordedSpan(tracer.startSpan(name, { kind: kinds[kind], attributes }, contextOf(parent))),
    [Symbol.asyncDispose]: async () => {
      let timer: NodeJS.Timeout | undefined;
      const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, flushLimit)));
      const shutdown = provider.shutdown().catch((error: unknown) => {
        logger.warn(`the last traces could not be sent: ${String(error)}`);
      });
      await Promise.race([shutdown, limit]);
      clearTimeout(timer);
    },
  };
}

function contextOf({ traceparent, tracestate }: TraceContext): Context {
  const [, traceId, spanId, flags = '00'] = format.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags, 16);
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags,
    isRemote: true,
    ...(tracestate !== '' && { traceState: createTraceState(tracestate) }),
  });
}

class RecordedSpan implements Span {
  readonly traceparent: string;
  readonly tracestate: string;
  readonly #span: OtelSpan;

  constructor(span: OtelSpan) {
    this.#span = span;
    const { traceId, spanId, traceFlags, traceState } = span.spanContext();
    this.traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
    this.tracestate = traceState?.serialize() ?? '';
  }

  set(name: string, value: string | number | boolean): void {
    this.#span.setAttribute(name, value);
  }

  fail(message: string): void {
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
  }

  end(): void {
    this.#span.end();
  }
}
