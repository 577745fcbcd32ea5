import type { ServerResponse } from 'node:http';

import { KeptLabels, type MetricLabels, type Metrics } from '@outrigger/runtime';

import { bodySize } from '../http/counted-response.ts';
import { headerOf } from '../http/headers.ts';
import type { HttpExchange, Route } from '../http/route.ts';
import type { HttpLabels } from './http-labels.ts';

interface Call {
  readonly meter: HttpServerMeter;
  readonly exchange: HttpExchange;
  readonly route: Route | undefined;
  readonly start: number;
}

/** Where an answer keeps its call, so that all share one listener. */
const callOf = Symbol('metered call');
type MeteredResponse = ServerResponse & { [callOf]?: Call };

/** Counts the requests to our HTTP API once they are answered or given up, as `dapr_http_server_…`. */
export class HttpServerMeter {
  readonly #metrics: Metrics;
  readonly #labels: HttpLabels;
  readonly #kept = new KeptLabels();

  constructor(metrics: Metrics, labels: HttpLabels) {
    this.#metrics = metrics;
    this.#labels = labels;
  }

  /** `route` is absent for what goes to service invocation. */
  begin(exchange: HttpExchange, route: Route | undefined): void {
    const response = exchange.response as MeteredResponse;
    response[callOf] = { meter: this, exchange, route, start: performance.now() };
    response.on('close', onClose);
  }

  /** @internal */
  ended({ exchange, route, start }: Call): void {
    const { request, response, path, params } = exchange;
    const elapsed = performance.now() - start;
    const own = this.#labels.server(request.method ?? '', path, params, route);
    const status = String(response.statusCode);
    const labels = this.#kept.get(`${own.method} ${own.path ?? ''} ${status}`, (): MetricLabels => ({
      method: own.method,
      ...(own.path !== undefined && { path: own.path }),
      status,
    }));
    this.#metrics.count('dapr_http_server_request_count', labels);
    this.#metrics.count('dapr_http_server_response_count', labels);
    this.#metrics.observe('dapr_http_server_latency', elapsed, labels);
    this.#metrics.observe('dapr_http_server_request_bytes', Number(headerOf(request, 'content-length') ?? 0) || 0);
    this.#metrics.observe('dapr_http_server_response_bytes', bodySize(response));
  }
}

function onClose(this: MeteredResponse): void {
  const call = this[callOf];
  call?.meter.ended(call);
}
