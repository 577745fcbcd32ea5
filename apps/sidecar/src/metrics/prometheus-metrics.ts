import type { Logger } from '@outrigger/core';
import type { MetricLabels, Metrics } from '@outrigger/runtime';

import { isSizeMetric, latencyBuckets, sizeBuckets } from './metric-buckets.ts';
import { metricHelp } from './metric-help.ts';
import { type Family, familyText, type FamilyKind, type Series } from './metrics-text.ts';
import { processMetricsText } from './process-metrics.ts';

interface KnownFamily extends Family {
  readonly byLabels: Map<string, Series>;
  /** Of labels that come again as the same object; `undefined`: they came beyond the limit. */
  readonly known: WeakMap<MetricLabels, Series | undefined>;
}

/** What `spec.metrics` of a Configuration says of all metrics. */
export interface MetricsSettings {
  /** False: nothing is counted. */
  readonly enabled: boolean;
  /** Milliseconds, rising; `undefined`: Dapr's. */
  readonly latencyBuckets: readonly number[] | undefined;
  /** What a label's value is made into before it is counted. */
  readonly rewrite: ((metric: string, label: string, value: string) => string) | undefined;
}

/** Callers of the API name targets as they like; what comes beyond is left out, so that memory stays bounded. */
const maxSeries = 5000;
const noLabels: MetricLabels = {};

/**
 * Takes what is counted and gives it as Prometheus text, with the label `app_id` on everything. A count is two look-ups and an
 * addition: the text of a series' labels is made once.
 */
export class PrometheusMetrics implements Metrics {
  readonly #appId: string;
  readonly #logger: Logger;
  readonly #families = new Map<string, KnownFamily>();
  #settings: MetricsSettings = { enabled: true, latencyBuckets: undefined, rewrite: undefined };

  constructor(appId: string, logger: Logger) {
    this.#appId = appId;
    this.#logger = logger;
  }

  /** Whether anything is counted. */
  get enabled(): boolean {
    return this.#settings.enabled;
  }

  /** From now on; what was counted before stays as it was. */
  configure(settings: MetricsSettings): void {
    this.#settings = settings;
  }

  count(name: string, labels: MetricLabels = noLabels, by = 1): void {
    const series = this.#series('counter', name, labels);
    if (series !== undefined) series.value += by;
  }

  set(name: string, value: number, labels: MetricLabels = noLabels): void {
    const series = this.#series('gauge', name, labels);
    if (series !== undefined) series.value = value;
  }

  observe(name: string, value: number, labels: MetricLabels = noLabels): void {
    const series = this.#series('histogram', name, labels);
    if (series?.counts === undefined) return;
    const { bounds, counts } = series;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] ?? Infinity)) at++;
    counts[at] = (counts[at] ?? 0) + 1;
    series.value += value;
  }

  /** Everything so far and the state of the process, in the text format of Prometheus. */
  async text(): Promise<string> {
    const families = [...this.#families.values()].map(familyText);
    return families.join('') + (this.enabled ? await processMetricsText() : '');
  }

  #series(kind: FamilyKind, name: string, labels: MetricLabels): Series | undefined {
    if (!this.#settings.enabled) return undefined;
    const family = this.#families.get(name) ?? this.#newFamily(kind, name);
    const known = family.known.get(labels);
    if (known !== undefined || family.known.has(labels)) return known;
    const text = this.#labelText(name, labels);
    let series = family.byLabels.get(text);
    if (series === undefined) {
      if (family.byLabels.size === maxSeries) {
        family.known.set(labels, undefined);
        return undefined;
      }
      const { bounds } = family;
      const counts = kind === 'histogram' ? new Float64Array(bounds.length + 1) : undefined;
      series = { labels: text, value: 0, bounds, counts };
      family.byLabels.set(text, series);
      family.series.push(series);
      if (family.byLabels.size === maxSeries)
        this.#logger.warn(`the metric ${name} has ${maxSeries} combinations of labels; further ones are not counted`);
    }
    family.known.set(labels, series);
    return series;
  }

  #newFamily(kind: FamilyKind, name: string): KnownFamily {
    const latencies = this.#settings.latencyBuckets ?? latencyBuckets;
    const bounds = kind !== 'histogram' ? [] : isSizeMetric(name) ? sizeBuckets : latencies;
    const help = metricHelp[name] ?? name;
    const family: KnownFamily = {
      name,
      kind,
      help,
      bounds,
      series: [],
      byLabels: new Map(),
      known: new WeakMap(),
    };
    this.#families.set(name, family);
    return family;
  }

  /** Alphabetical, as Dapr lists them. */
  #labelText(metric: string, labels: MetricLabels): string {
    const { rewrite } = this.#settings;
    return Object.entries({ ...labels, app_id: this.#appId })
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([label, given]) => {
        const value = rewrite === undefined || label === 'app_id' ? given : rewrite(metric, label, given);
        return `${label}="${value.replace(/[\\"\n]/g, escape)}"`;
      })
      .join(',');
  }
}

function escape(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`;
}
