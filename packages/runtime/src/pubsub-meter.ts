import { ComponentMeter } from './component-meter.ts';
import { KeptLabels } from './kept-labels.ts';
import type { Metrics } from './metrics.ts';

/** How the app's handling of a message ended. */
export type ProcessStatus = 'success' | 'retry' | 'drop';

/** Counts what goes out over one pub/sub component and what comes in, as `dapr_component_pubsub_…`. */
export class PubSubMeter {
  /** Single messages that were published, by topic. */
  readonly egress: ComponentMeter;
  /** Calls that published many. */
  readonly #bulkEgress: ComponentMeter;
  readonly #metrics: Metrics;
  readonly #base: { readonly component: string; readonly namespace: string };
  readonly #ingress = new KeptLabels();
  readonly #bulkCalls = new KeptLabels();
  readonly #bulkEvents = new KeptLabels();

  constructor(metrics: Metrics, base: { readonly component: string; readonly namespace: string }) {
    this.#metrics = metrics;
    this.#base = base;
    this.egress = new ComponentMeter(metrics, 'pubsub_egress', base, 'topic');
    this.#bulkEgress = new ComponentMeter(metrics, 'pubsub_egress_bulk', base, 'topic');
  }

  /** A call that published many, of which `published` were taken. */
  bulkPublished(topic: string, all: number, published: number, elapsed: number): void {
    this.#bulkEgress.record(topic, published === all, elapsed);
    if (published === 0) return;
    const labels = this.#bulkEvents.get(`out ${topic}`, () => ({ ...this.#base, success: 'true', topic }));
    this.#metrics.count('dapr_component_pubsub_egress_bulk_event_count', labels, published);
  }

  /** One message given to the app; `elapsed` is absent for one that never got there. */
  delivered(topic: string, status: ProcessStatus, elapsed?: number): void {
    const labels = this.#ingress.get(`${status} ${topic}`, () => ({
      ...this.#base,
      process_status: status,
      status,
      topic,
    }));
    this.#metrics.count('dapr_component_pubsub_ingress_count', labels);
    if (elapsed !== undefined) this.#metrics.observe('dapr_component_pubsub_ingress_latencies', elapsed, labels);
  }

  /** A batch given to the app, with how many of it ended in which way. */
  batchDelivered(topic: string, counts: Readonly<Record<ProcessStatus, number>>, elapsed: number): void {
    const call = this.#bulkCalls.get(topic, () => ({ ...this.#base, process_status: '', topic }));
    this.#metrics.count('dapr_component_pubsub_ingress_bulk_count', call);
    this.#metrics.observe('dapr_component_pubsub_ingress_bulk_latencies', elapsed, call);
    for (const status of ['success', 'retry', 'drop'] as const) {
      if (counts[status] === 0) continue;
      const labels = this.#bulkEvents.get(`${status} ${topic}`, () => ({
        ...this.#base,
        process_status: status,
        topic,
      }));
      this.#metrics.count('dapr_component_pubsub_ingress_bulk_event_count', labels, counts[status]);
    }
  }
}
