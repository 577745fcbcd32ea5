import { headerOf } from '../../http/headers.ts';
import { replyEmpty } from '../../http/reply.ts';
import type { HttpExchange, Route } from '../../http/route.ts';
import type { ShutdownControl } from './control.ts';

/** `POST /v1.0/shutdown`: an orderly stop, or with `dapr-force-shutdown: true` none. */
export function shutdownRoutes(control: ShutdownControl): Route[] {
  const shutdown = (exchange: HttpExchange) => {
    replyEmpty(exchange);
    if (headerOf(exchange.request, 'dapr-force-shutdown')?.toLowerCase() === 'true') control.exitNow();
    else control.shutdown();
  };
  const api = { name: 'shutdown', version: 'v1' };
  return [{ methods: ['POST'], pattern: '/v1.0/shutdown', api, operation: 'Shutdown', handle: shutdown }];
}
