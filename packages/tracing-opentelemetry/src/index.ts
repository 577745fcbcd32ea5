export {
  openTelemetryTracer,
  type OpenTelemetryTracer,
  type OpenTelemetryTracerOptions,
} from './open-telemetry-tracer.ts';
export type { OtlpSettings, TracingSettings } from './tracing-settings.ts';
