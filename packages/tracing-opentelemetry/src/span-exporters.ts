import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Logger } from '@outrigger/core';

import type { OtlpSettings, TracingSettings } from './tracing-settings.ts';

/** Everybody who is to get the spans. Only what they need is loaded. */
export async function spanExporters(settings: TracingSettings, logger: Logger): Promise<SpanExporter[]> {
  const { serviceName, stdout, zipkin, otlp } = settings;
  const exporters: SpanExporter[] = stdout ? [new LogExporter(logger)] : [];
  if (zipkin !== undefined) {
    const { ZipkinExporter } = await import('@opentelemetry/exporter-zipkin');
    exporters.push(warningOnce(new ZipkinExporter({ url: zipkin, serviceName }), zipkin, logger));
  }
  if (otlp !== undefined) exporters.push(warningOnce(await otlpExporter(otlp), otlp.url, logger));
  return exporters;
}

async function otlpExporter({ protocol, url, headers, timeout }: OtlpSettings): Promise<SpanExporter> {
  const limit = timeout === undefined ? {} : { timeoutMillis: timeout };
  if (protocol === 'http') {
    const { OTLPTraceExporter: HttpExporter } = await import('@opentelemetry/exporter-trace-otlp-proto');
    return new HttpExporter({ url, headers: { ...headers }, ...limit });
  }
  const [{ Metadata }, { OTLPTraceExporter: GrpcExporter }] = await Promise.all([
    import('@grpc/grpc-js'),
    import('@opentelemetry/exporter-trace-otlp-grpc'),
  ]);
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new GrpcExporter({ url, metadata, ...limit });
}

/** One log line per span. */
class LogExporter implements SpanExporter {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  export(spans: ReadableSpan[], done: Parameters<SpanExporter['export']>[1]): void {
    for (const span of spans) {
      const { traceId, spanId } = span.spanContext();
      const [seconds, nanos] = span.duration;
      const ms = (seconds * 1000 + nanos / 1e6).toFixed(3);
      this.#logger.info(
        `span ${span.name} trace=${traceId} span=${spanId} ms=${ms} ${JSON.stringify(span.attributes)}`,
      );
    }
    done({ code: 0 });
  }

  async shutdown(): Promise<void> {}
}

/** Says once that spans do not arrive, and again only after they did. What does not arrive is dropped. */
function warningOnce(exporter: SpanExporter, url: string, logger: Logger): SpanExporter {
  let failing = false;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code !== 0 && !failing) {
          const why = result.error?.message ?? 'unknown error';
          logger.warn(`traces cannot be sent to ${new URL(url).host}, and are dropped until they can: ${why}`);
        }
        failing = result.code !== 0;
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}
