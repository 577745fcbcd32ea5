import type { Logger } from '@outrigger/core';
import type { MetricLabels, Metrics } from '@outrigger/runtime';
import type * as PromClient from 'prom-client';

import { metricHelp } from './metric-help.ts';

type Prometheus = typeof PromClient;

/** One series of a family; a counter has `inc`, a gauge `set`. */
interface Series {
  readonly inc?: (value: number) => void;
  readonly set?: (value: number) => void;
}

interface Family {
  readonly series: Map<string, Series>;
  readonly labelled: (labels: Record<string, string>) => Series;
  /** Of labels that come again as the same object. */
  readonly known: WeakMap<MetricLabels, Series>;
}

/** Callers of the API name targets as they like; what comes beyond is left out, so that memory stays bounded. */
const maxSeries = 5000;
const maxHeld = 1000;
const noLabels: MetricLabels = {};

/**
 * Takes what is counted and gives it as Prometheus text, with the label `app_id` on everything. The library that does so is
 * loaded late, by {@link PrometheusMetrics.load}; what is counted before then is held.
 */
export class PrometheusMetrics implements Metrics {
  readonly #appId: string;
  readonly #logger: Logger;
  readonly #families = new Map<string, Family>();
  #held: (() => void)[] = [];
  #prometheus: Prometheus | undefined;
  #registry: PromClient.Registry | undefined;
  #loading: Promise<void> | undefined;

  constructor(appId: string, logger: Logger) {
    this.#appId = appId;
    this.#logger = logger;
  }

  count(name: string, labels: MetricLabels = noLabels): void {
    if (this.#prometheus === undefined) this.#hold(() => this.count(name, labels));
    else this.#series(this.#prometheus, 'Counter', name, labels)?.inc?.(1);
  }

  set(name: string, value: number, labels: MetricLabels = noLabels): void {
    if (this.#prometheus === undefined) this.#hold(() => this.set(name, value, labels));
    else this.#series(this.#prometheus, 'Gauge', name, labels)?.set?.(value);
  }

  /** Resolves once what is counted is in its place. */
  load(): Promise<void> {
    return (this.#loading ??= this.#load());
  }

  /** Everything so far, in the text format of Prometheus. */
  async text(): Promise<string> {
    await this.load();
    return (await this.#registry?.metrics()) ?? '';
  }

  async #load(): Promise<void> {
    const module = await import('prom-client');
    this.#registry = new module.Registry();
    this.#prometheus = module;
    for (const count of this.#held) count();
    this.#held = [];
  }

  #hold(count: () => void): void {
    this.#held.push(count);
    if (this.#held.length !== maxHeld) return;
    this.load().catch((error: unknown) => this.#logger.error(`metrics cannot be counted: ${String(error)}`));
  }

  #series(prometheus: Prometheus, kind: 'Counter' | 'Gauge', name: string, labels: MetricLabels): Series | undefined {
    const family = this.#families.get(name) ?? this.#newFamily(prometheus, kind, name, labels);
    const known = family.known.get(labels);
    if (known !== undefined) return known;
    const sorted = this.#sorted(labels);
    const key = Object.values(sorted).join('\0');
    let series = family.series.get(key);
    if (series === undefined) {
      if (family.series.size === maxSeries) return undefined;
      series = family.labelled(sorted);
      family.series.set(key, series);
      if (family.series.size === maxSeries)
        this.#logger.warn(`the metric ${name} has ${maxSeries} combinations of labels; further ones are not counted`);
    }
    family.known.set(labels, series);
    return series;
  }

  #newFamily(prometheus: Prometheus, kind: 'Counter' | 'Gauge', name: string, labels: MetricLabels): Family {
    const metric = new prometheus[kind]({
      name,
      help: metricHelp[name] ?? name,
      labelNames: Object.keys(this.#sorted(labels)),
      registers: this.#registry === undefined ? [] : [this.#registry],
    });
    const family: Family = {
      series: new Map(),
      labelled: (own) => metric.labels(own),
      known: new WeakMap(),
    };
    this.#families.set(name, family);
    return family;
  }

  /** Alphabetical, as Dapr lists them. */
  #sorted(labels: MetricLabels): Record<string, string> {
    const all = Object.entries({ ...labels, app_id: this.#appId });
    return Object.fromEntries(all.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }
}
