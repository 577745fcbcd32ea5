import type { MetricLabels, Metrics } from '../src/metrics.ts';

/** Metrics that a test reads: `name{a="1",b="2"}` with its value. */
export class Counted implements Metrics {
  readonly values = new Map<string, number>();

  count(name: string, labels?: MetricLabels, by = 1): void {
    const key = keyOf(name, labels);
    this.values.set(key, (this.values.get(key) ?? 0) + by);
  }

  set(name: string, value: number, labels?: MetricLabels): void {
    this.values.set(keyOf(name, labels), value);
  }

  observe(name: string, value: number, labels?: MetricLabels): void {
    const key = keyOf(`${name}_sum`, labels);
    this.values.set(key, (this.values.get(key) ?? 0) + value);
    this.count(`${name}_count`, labels);
  }

  /** Those of one name that are not 0, by their labels. */
  of(name: string): Record<string, number> {
    const found = [...this.values].filter(([key, value]) => key.startsWith(`${name}{`) && value !== 0);
    return Object.fromEntries(found.map(([key, value]) => [key.slice(name.length), value]));
  }
}

function keyOf(name: string, labels: MetricLabels = {}): string {
  const sorted = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${name}{${sorted.map(([label, value]) => `${label}="${value}"`).join(',')}}`;
}
