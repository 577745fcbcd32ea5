import type { Configuration } from '@outrigger/runtime';

import { SettingError } from '../process/setting-error.ts';
import type { HttpLabelSettings } from './http-labels.ts';
import { labelRules } from './label-rules.ts';
import type { MetricsSettings } from './prometheus-metrics.ts';

export interface ConfiguredMetrics extends MetricsSettings {
  readonly http: HttpLabelSettings;
  /** Whether errors are counted by their code. */
  readonly recordErrorCodes: boolean;
}

type Section = Readonly<Record<string, unknown>>;

/**
 * `spec.metrics` of the Configuration; `spec.metric` is its older name, and what both have counts as `spec.metrics` has it. Throws a
 * SettingError that names the field.
 */
export function metricsSettings({ sections }: Pick<Configuration, 'sections'>): ConfiguredMetrics {
  const [older, newer] = ['metric', 'metrics'].map((name) => sectionOf(sections[name], `spec.${name}`));
  const all = { ...older, ...newer };
  const http = {
    ...sectionOf(older?.['http'], 'spec.metric.http'),
    ...sectionOf(newer?.['http'], 'spec.metrics.http'),
  };
  return {
    enabled: flag(all, 'enabled', true),
    recordErrorCodes: flag(all, 'recordErrorCodes', false),
    latencyBuckets: buckets(all['latencyDistributionBuckets']),
    rewrite: labelRules(all['rules']),
    http: {
      increasedCardinality: flag(http, 'increasedCardinality', true, 'http.'),
      excludeVerbs: flag(http, 'excludeVerbs', false, 'http.'),
      pathMatching: texts(http['pathMatching'], 'http.pathMatching'),
    },
  };
}

function sectionOf(value: unknown, field: string): Section {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Section;
  throw new SettingError(`the Configuration's ${field} has to be an object`);
}

function flag(section: Section, name: string, fallback: boolean, parent = ''): boolean {
  const value = section[name] ?? fallback;
  if (typeof value === 'boolean') return value;
  throw new SettingError(`the Configuration's spec.metrics.${parent}${name} has to be true or false`);
}

function texts(value: unknown, field: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((one): one is string => typeof one === 'string')) return value;
  throw new SettingError(`the Configuration's spec.metrics.${field} has to be a list of texts`);
}

function buckets(value: unknown): readonly number[] | undefined {
  if (value === undefined || value === null) return undefined;
  const isRising =
    Array.isArray(value) &&
    value.every((one, index) => typeof one === 'number' && one > Number(index === 0 ? 0 : value[index - 1]));
  if (isRising) return value.length === 0 ? undefined : (value as number[]);
  throw new SettingError(
    `the Configuration's spec.metrics.latencyDistributionBuckets has to be a list of rising milliseconds, such as [1, 10, 100]`,
  );
}
