import type { Logger } from '@outrigger/core';

import { replyBytes, replyText } from '../http/reply.ts';
import type { HttpExchange } from '../http/route.ts';
import { createHttpServer, type HttpServer } from '../http/server.ts';
import type { PrometheusMetrics } from './prometheus-metrics.ts';

export interface MetricsServerOptions {
  readonly metrics: PrometheusMetrics;
  readonly addresses: readonly string[];
  readonly port: number;
  readonly logger: Logger;
}

const contentType = 'text/plain; version=0.0.4; charset=utf-8';

/** Serves the metrics on any path, without a token: what it tells is numbers. */
export function createMetricsServer({ metrics, ...where }: MetricsServerOptions): HttpServer {
  const answer = async (exchange: HttpExchange): Promise<void> => {
    const { method } = exchange.request;
    if (method !== 'GET' && method !== 'HEAD') {
      replyText(exchange, 405, 'metrics are read with GET');
      return;
    }
    replyBytes(exchange, 200, Buffer.from(await metrics.text()), undefined, contentType);
  };
  return createHttpServer({
    ...where,
    routes: [],
    fallback: answer,
    flags: { port: '--metrics-port', address: '--metrics-listen-address' },
  });
}
