import { KeptLabels } from './kept-labels.ts';
import { type MetricLabels, type Metrics, noMetrics } from './metrics.ts';

/** Counts the calls of one component, and how long they took, as `dapr_component_<family>_count` and `…_latencies`. */
export class ComponentMeter {
  readonly #metrics: Metrics;
  readonly #count: string;
  readonly #latencies: string;
  readonly #base: MetricLabels;
  readonly #labels = new KeptLabels();
  readonly #further: string;

  /** `further`: the label beside `success` that a call has, such as `operation` or `topic`; empty: none. */
  constructor(
    metrics: Metrics,
    family: string,
    base: { readonly component: string; readonly namespace: string },
    further: 'operation' | 'topic' | '' = 'operation',
  ) {
    this.#metrics = metrics;
    this.#count = `dapr_component_${family}_count`;
    this.#latencies = `dapr_component_${family}_latencies`;
    this.#base = base;
    this.#further = further;
  }

  /** `value`: of the further label. `elapsed`: milliseconds. */
  record(value: string, succeeded: boolean, elapsed: number): void {
    const labels = this.#labels.get(succeeded ? value : `!${value}`, () => ({
      ...this.#base,
      ...(this.#further !== '' && { [this.#further]: value }),
      success: String(succeeded),
    }));
    this.#metrics.count(this.#count, labels);
    this.#metrics.observe(this.#latencies, elapsed, labels);
  }

  /** Counts a call, which is a success when it resolves. */
  async measure<T>(value: string, call: () => Promise<T>): Promise<T> {
    const start = performance.now();
    let succeeded = false;
    try {
      const result = await call();
      succeeded = true;
      return result;
    } finally {
      this.record(value, succeeded, performance.now() - start);
    }
  }
}

/** The meter of each component that asks for one; `undefined` when nobody serves metrics, so that calls go straight through. */
export function metersOf(
  { metrics = noMetrics, namespace }: { readonly metrics: Metrics | undefined; readonly namespace: string },
  family: string,
  further?: 'operation' | 'topic' | '',
): (component: string) => ComponentMeter | undefined {
  if (metrics === noMetrics) return () => undefined;
  return (component) => new ComponentMeter(metrics, family, { component, namespace }, further);
}
