import type { Logger } from '@outrigger/core';
import type { GrpcServerOptions } from '@outrigger/grpc/server';
import type { Metrics } from '@outrigger/runtime';

import { grpcServerMeter } from '../metrics/grpc-server-meter.ts';
import { grpcApiLog } from './api-log.ts';

/** Who is told of each call: the API log, the metrics, both or nobody. */
export function callListeners({
  apiLogger,
  metrics,
}: {
  readonly apiLogger: Logger | undefined;
  readonly metrics: Metrics | undefined;
}): Pick<GrpcServerOptions, 'log'> {
  const log = apiLogger && grpcApiLog(apiLogger);
  const meter = metrics && grpcServerMeter(metrics);
  if (log === undefined || meter === undefined) {
    const only = log ?? meter;
    return only === undefined ? {} : { log: only };
  }
  return {
    log: (path, context, kind) => {
      const [logged, counted] = [log(path, context, kind), meter(path, context, kind)];
      return (code, received, sent) => {
        counted(code, received, sent);
        logged(code, received, sent);
      };
    },
  };
}
