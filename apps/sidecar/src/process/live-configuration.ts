import type { Logger } from '@outrigger/core';
import type { Configuration, ConfigurationChange } from '@outrigger/runtime';
import type { TracingSettings } from '@outrigger/tracing-opentelemetry';

import type { ApiLogOptions } from '../http/api-log.ts';
import { metricsSettings } from '../metrics/metrics-settings.ts';
import { tracingPlan } from '../tracing/tracing-plan.ts';

export interface LiveConfigurationOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly appId: string;
  /** `--enable-api-logging`, which counts before the Configuration; `undefined`: not given. */
  readonly apiLogging: boolean | undefined;
  /** Where calls over HTTP are logged. */
  readonly httpLogger: Logger;
  /** Where calls over gRPC are logged. */
  readonly grpcLogger: Logger;
  /** Called after each change, with what the process goes by now. */
  readonly onChange: (configuration: Configuration) => void;
}

/** Sections that this process reads once, beside `tracing`. */
const readOnce = ['metric', 'metrics', 'mtls', 'wasm', 'workflow'];

/** What of the Configuration this process goes by, and how it follows a changed one. */
export class LiveConfiguration {
  readonly #options: LiveConfigurationOptions;
  #logging: Configuration['logging']['apiLogging'] = { obfuscateURLs: false, omitHealthChecks: false };
  #samplingRate = 0;
  /** What traces are recorded by; without the rate. */
  #recording: string | undefined;

  constructor(options: LiveConfigurationOptions) {
    this.#options = options;
  }

  /** Takes the first one. Hands back how to trace, with a rate that follows; `undefined`: not at all. Throws a SettingError. */
  begin(configuration: Configuration): TracingSettings | undefined {
    this.#logging = configuration.logging.apiLogging;
    const plan = this.#plan(configuration);
    if (plan === undefined) return undefined;
    const rate = (): number => this.#samplingRate;
    this.#samplingRate = plan.samplingRate;
    this.#recording = recordingOf(plan);
    return {
      ...plan,
      get samplingRate() {
        return rate();
      },
    };
  }

  /** See {@link RuntimeOptions.reconfigure}. Throws a SettingError for what this process cannot use. */
  change(next: Configuration, was: Configuration): ConfigurationChange {
    metricsSettings(next);
    const plan = this.#plan(next);
    const sectionsChanged = readOnce.filter((name) => !isSame(next.sections[name], was.sections[name]));
    // without a plan nothing more is recorded, which needs no restart
    const isTracingFixed = plan !== undefined && recordingOf(plan) !== this.#recording;
    return {
      afterRestart: [...(isTracingFixed ? ['tracing'] : []), ...sectionsChanged].map((name) => `spec.${name}`),
      apply: () => {
        this.#logging = next.logging.apiLogging;
        this.#samplingRate = plan?.samplingRate ?? 0;
        this.#options.onChange(next);
      },
    };
  }

  /** How calls over HTTP are logged; `undefined`: they are not. */
  get httpApiLog(): ApiLogOptions | undefined {
    const { obfuscateURLs, omitHealthChecks } = this.#logging;
    return this.#isLogging ? { logger: this.#options.httpLogger, obfuscateURLs, omitHealthChecks } : undefined;
  }

  /** Where calls over gRPC are logged; `undefined`: they are not. */
  get grpcApiLogger(): Logger | undefined {
    return this.#isLogging ? this.#options.grpcLogger : undefined;
  }

  get #isLogging(): boolean {
    return this.#options.apiLogging ?? this.#logging.enabled ?? false;
  }

  #plan(configuration: Configuration): TracingSettings | undefined {
    return tracingPlan(configuration, this.#options.env, this.#options.appId);
  }
}

function recordingOf(plan: TracingSettings): string {
  return JSON.stringify({ ...plan, samplingRate: undefined });
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
