export { openTelemetryTracer, type OpenTelemetryTracer } from './open-telemetry-tracer.ts';
export type { OtlpSettings, TracingSettings } from './tracing-settings.ts';
