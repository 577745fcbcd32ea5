import type { Logger } from '@outrigger/core';

import type { GrpcServerOptions } from '@outrigger/grpc/server';

/** Writes one line per call once it has ended; `code` is the number of its gRPC status, `duration` is in milliseconds. */
export function grpcApiLog(logger: Logger): NonNullable<GrpcServerOptions['log']> {
  return (method, context) => {
    const start = performance.now();
    const useragent = context.metadata('user-agent');
    return (code) =>
      logger.info('gRPC API Called', {
        code,
        duration: Math.round(performance.now() - start),
        method,
        ...(useragent && { useragent }),
      });
  };
}
