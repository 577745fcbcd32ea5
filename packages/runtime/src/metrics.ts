/**
 * Takes what the engine counts. Names, labels and kinds are Dapr's, as Prometheus has them (`dapr_resiliency_count`), without the
 * label `app_id`, which whoever serves them adds. None of these may throw, and each costs one call when nobody serves them.
 *
 * Labels that come again as the same object are found fastest: whoever counts often keeps them.
 */
export interface Metrics {
  /** Adds to a counter. Default: one. */
  count(name: string, labels?: MetricLabels, by?: number): void;
  /** Sets a gauge; of one name all have the same labels. */
  set(name: string, value: number, labels?: MetricLabels): void;
  /** Puts a value into a histogram: milliseconds, or bytes where the name says so. */
  observe(name: string, value: number, labels?: MetricLabels): void;
}

export type MetricLabels = Readonly<Record<string, string>>;

/** Nobody is interested. */
export const noMetrics: Metrics = {
  count: () => {},
  set: () => {},
  observe: () => {},
};
