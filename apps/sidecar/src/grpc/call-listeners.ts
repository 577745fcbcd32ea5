import type { Logger } from '@outrigger/core';
import type { GrpcServerOptions } from '@outrigger/grpc/server';
import type { Metrics } from '@outrigger/runtime';

import { grpcServerMeter } from '../metrics/grpc-server-meter.ts';
import { grpcApiLog } from './api-log.ts';

const nobody = (): void => {};

/** Who is told of each call: the API log, the metrics, both or nobody. */
export function callListeners({
  apiLogger,
  metrics,
}: {
  /** Asked with each call; `undefined`: it is not logged. */
  readonly apiLogger: () => Logger | undefined;
  readonly metrics: Metrics | undefined;
}): Pick<GrpcServerOptions, 'log'> {
  const meter = metrics && grpcServerMeter(metrics);
  return {
    log: (path, context, kind) => {
      const logger = apiLogger();
      const logged = logger && grpcApiLog(logger)(path, context, kind);
      const counted = meter?.(path, context, kind);
      if (logged === undefined || counted === undefined) return logged ?? counted ?? nobody;
      return (code, received, sent) => {
        counted(code, received, sent);
        logged(code, received, sent);
      };
    },
  };
}
