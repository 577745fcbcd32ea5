import { headerOf } from '../../http/headers.ts';
import { replyEmpty } from '../../http/reply.ts';
import type { HttpExchange, Route } from '../../http/route.ts';

export interface ShutdownSource {
  /** Begins an orderly stop; returns at once. */
  shutdown(): void;
  /** Ends the process with exit code 1, a moment later, so that the answer gets out. Returns at once. */
  exitNow(): void;
}

/** `POST /v1.0/shutdown`: an orderly stop, or with `dapr-force-shutdown: true` none. */
export function shutdownRoutes(source: ShutdownSource): Route[] {
  const shutdown = (exchange: HttpExchange) => {
    replyEmpty(exchange);
    if (headerOf(exchange.request, 'dapr-force-shutdown')?.toLowerCase() === 'true') source.exitNow();
    else source.shutdown();
  };
  const api = { name: 'shutdown', version: 'v1' };
  return [{ methods: ['POST'], pattern: '/v1.0/shutdown', api, operation: 'Shutdown', handle: shutdown }];
}
