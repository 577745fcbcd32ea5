import {
  createTraceState,
  ROOT_CONTEXT,
  type Span as OtelSpan,
  SpanKind as OtelKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { errorMessage, type Logger } from '@outrigger/core';
import type { Span, SpanAttributes, Tracer } from '@outrigger/runtime';

import { spanExporters } from './span-exporters.ts';
import type { TracingSettings } from './tracing-settings.ts';
import { UnsampledSpan } from './unsampled-span.ts';

/** Ends as by {@link OpenTelemetryTracer.close} with its default when disposed of. */
export interface OpenTelemetryTracer extends Tracer, AsyncDisposable {
  /** Sends what is left, for at most so long; drops the rest. Spans that end later are dropped, too. Default 3 s. */
  close(limitMs?: number): Promise<void>;
}

export interface OpenTelemetryTracerOptions {
  readonly logger: Logger;
  /** Takes secrets out of attributes and of what failed. Default: there are none. */
  readonly hideSecrets?: ((text: string) => string) | undefined;
  /** In place of those that the settings name. */
  readonly processors?: SpanProcessor[];
}

/** Characters of an attribute's value; what is waiting to be sent cannot grow with what callers put into headers. */
const longestValue = 1024;

type HideSecrets = (text: string) => string;

const kinds = {
  internal: OtelKind.INTERNAL,
  server: OtelKind.SERVER,
  client: OtelKind.CLIENT,
  producer: OtelKind.PRODUCER,
  consumer: OtelKind.CONSUMER,
} as const;
const format = /^[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})/;

/** A tracer over OpenTelemetry's SDK. Spans wait in a bounded queue (2048) for whoever takes them, and are dropped when it is full. */
export async function openTelemetryTracer(
  settings: TracingSettings,
  { logger, hideSecrets = (text) => text, processors }: OpenTelemetryTracerOptions,
): Promise<OpenTelemetryTracer> {
  const exporters = processors === undefined ? await spanExporters(settings, logger) : [];
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': settings.serviceName }),
    sampler: new AlwaysOnSampler(),
    spanLimits: { attributeValueLengthLimit: longestValue },
    spanProcessors: processors ?? exporters.map((one) => new BatchSpanProcessor(one)),
  });
  const tracer = provider.getTracer('outrigger');
  let closed: Promise<void> | undefined;
  const close = async (limitMs: number): Promise<void> => {
    const { promise: limit, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limitMs);
    // whose export fails has said so already
    const shutdown = provider.shutdown().catch((error: unknown) => {
      logger.debug(`the last traces could not be sent: ${errorMessage(error)}`);
    });
    await Promise.race([shutdown, limit]);
    clearTimeout(timer);
  };
  return {
    // Decided here and not by the SDK's sampler, so that what is not recorded costs next to nothing: the parent's decision counts,
    // and the rate for a trace that begins.
    start: (name, kind, { traceparent, tracestate }, attributes) => {
      const [, traceId, spanId, flags = ''] = format.exec(traceparent) ?? [];
      let parent = ROOT_CONTEXT;
      if (traceId !== undefined && spanId !== undefined) {
        const traceFlags = Number.parseInt(flags, 16);
        if ((traceFlags & TraceFlags.SAMPLED) === 0) return new UnsampledSpan(traceId, tracestate);
        const state = tracestate !== '' && { traceState: createTraceState(tracestate) };
        parent = trace.setSpanContext(parent, { traceId, spanId, traceFlags, isRemote: true, ...state });
      } else if (Math.random() >= settings.samplingRate) return new UnsampledSpan();
      return new RecordedSpan(tracer.startSpan(name, { kind: kinds[kind] }, parent), hideSecrets, attributes);
    },
    close: (limitMs = 3000) => (closed ??= close(limitMs)),
    [Symbol.asyncDispose]: () => (closed ??= close(3000)),
  };
}

class RecordedSpan implements Span {
  readonly traceparent: string;
  readonly tracestate: string;
  readonly sampled = true;
  readonly #span: OtelSpan;
  readonly #hideSecrets: HideSecrets;

  constructor(span: OtelSpan, hideSecrets: HideSecrets, attributes: SpanAttributes | undefined) {
    this.#span = span;
    this.#hideSecrets = hideSecrets;
    const { traceId, spanId, traceFlags, traceState } = span.spanContext();
    this.traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
    this.tracestate = traceState?.serialize() ?? '';
    for (const name in attributes) this.set(name, attributes[name] ?? '');
  }

  set(name: string, value: string | number | boolean): void {
    this.#span.setAttribute(name, typeof value === 'string' ? this.#hideSecrets(value) : value);
  }

  fail(message: string): void {
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: this.#hideSecrets(message) });
  }

  end(): void {
    this.#span.end();
  }
}
