import { errorMessage, type Logger } from '@outrigger/core';

import type { HttpServer } from '../http/server.ts';
import type { Flags } from '../process/flag-table.ts';
import { metricsAddresses } from '../process/listen-settings.ts';
import { createMetricsServer } from './metrics-server.ts';
import type { PrometheusMetrics } from './prometheus-metrics.ts';

export interface ServeMetricsOptions {
  readonly flags: Flags;
  /** The flags that the user gave. */
  readonly given: ReadonlySet<string>;
  readonly metrics: PrometheusMetrics;
  readonly logger: Logger;
}

/**
 * Serves metrics as the flags say. A second sidecar of a machine finds the default port taken: that is a warning and
 * `undefined`, as only a port that the user chose has to be had; for that one it rejects with a ListenError.
 */
export async function serveMetrics({
  flags,
  given,
  metrics,
  logger,
}: ServeMetricsOptions): Promise<HttpServer | undefined> {
  const server = createMetricsServer({
    metrics,
    addresses: metricsAddresses(flags),
    port: flags['metrics-port'],
    logger,
  });
  try {
    const port = await server.listen();
    logger.info(`metrics server is listening on port ${port}`);
    return server;
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (!isTaken || given.has('metrics-port') || given.has('metrics-listen-address')) throw error;
    logger.warn(`metrics are not served: ${errorMessage(error)}; --enable-metrics=false does without them`);
    return undefined;
  }
}
