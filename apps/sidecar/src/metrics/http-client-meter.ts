import {
  type AppCallOutcome,
  type HttpAppMeter,
  KeptLabels,
  type MetricLabels,
  type Metrics,
} from '@outrigger/runtime';

import { HttpLabels } from './http-labels.ts';

interface Labels {
  /** Of what was sent: counted without the status, which Dapr leaves empty there. */
  readonly sent: MetricLabels;
  readonly completed: MetricLabels;
}

/** Counts the calls to an app that speaks HTTP, as `dapr_http_client_…`, and its health probes. */
export class HttpClientMeter implements HttpAppMeter {
  readonly #metrics: Metrics;
  #labels = new HttpLabels({ increasedCardinality: true, excludeVerbs: false, pathMatching: [] });
  readonly #kept = new KeptLabels<Labels>();
  readonly #probes = new KeptLabels();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** The app's connection is made before the Configuration is read. To be called before the first call. */
  labelBy(labels: HttpLabels): void {
    this.#labels = labels;
  }

  called({ verb, target, status, sent, received, elapsed }: AppCallOutcome): void {
    const mark = target.indexOf('?');
    const own = this.#labels.client(verb, mark === -1 ? target : target.slice(0, mark));
    const { sent: request, completed } = this.#kept.get(`${own.method} ${own.path ?? ''} ${status}`, () => {
      const base = own.path === undefined ? {} : { method: own.method, path: own.path };
      return { sent: { ...base, status: '' }, completed: { ...base, status: String(status) } };
    });
    this.#metrics.observe('dapr_http_client_sent_bytes', sent, request);
    this.#metrics.observe('dapr_http_client_received_bytes', received);
    this.#metrics.observe('dapr_http_client_roundtrip_latency', elapsed, completed);
    this.#metrics.count('dapr_http_client_completed_count', completed);
  }

  probed(status: number, elapsed: number): void {
    const labels = this.#probes.get(String(status), () => ({ status: String(status) }));
    this.#metrics.count('dapr_http_healthprobes_completed_count', labels);
    this.#metrics.observe('dapr_http_healthprobes_roundtrip_latency', elapsed, labels);
  }
}
