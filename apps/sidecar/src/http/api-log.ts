import type { Logger } from '@outrigger/core';

import { bodySize } from './counted-response.ts';
import { headerOf } from './headers.ts';
import type { HttpExchange, Route } from './route.ts';

export interface ApiLogOptions {
  readonly logger: Logger;
  /** Show the operation's name instead of the path. */
  readonly obfuscateURLs: boolean;
  readonly omitHealthChecks: boolean;
}

/** Writes one line per API call, once it is answered. `route` is absent for what goes to service invocation. */
export function apiLog(options: ApiLogOptions): (exchange: HttpExchange, route: Route | undefined) => void {
  const { logger, obfuscateURLs, omitHealthChecks } = options;
  return (exchange, route) => {
    if (route?.healthCheck && omitHealthChecks) return;
    const { request, response } = exchange;
    const start = performance.now();
    response.once('close', () => {
      const size = bodySize(response);
      const useragent = headerOf(request, 'user-agent');
      logger.info('HTTP API Called', {
        code: response.statusCode,
        duration: Math.round(performance.now() - start),
        method: obfuscateURLs ? (route?.operation ?? 'InvokeService') : `${request.method} ${exchange.path}`,
        ...(size > 0 && { size }),
        ...(useragent && { useragent }),
      });
    });
  };
}
