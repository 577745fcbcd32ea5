import { errorMessage, type Logger } from '@outrigger/core';
import type { OpenTelemetryTracer, TracingSettings } from '@outrigger/tracing-opentelemetry';

import { SettingError } from '../process/setting-error.ts';
import { keepTickShape } from './keep-tick-shape.ts';

/** Rejects with a SettingError when the package that records traces is not installed. */
export async function openTracer(
  settings: TracingSettings,
  options: { readonly logger: Logger; readonly hideSecrets: (text: string) => string },
): Promise<OpenTelemetryTracer> {
  keepTickShape();
  const { openTelemetryTracer } = await import('@outrigger/tracing-opentelemetry').catch((error: unknown) => {
    throw new SettingError(
      `tracing is configured and its package cannot be loaded: npm install @outrigger/tracing-opentelemetry (${errorMessage(error)})`,
    );
  });
  return openTelemetryTracer(settings, options);
}
