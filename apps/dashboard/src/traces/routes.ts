import { replyJson, type Route } from '../http/exchange.ts';
import { HttpError } from '../http/http-error.ts';
import type { TraceStore } from './trace-store.ts';
import { waterfall } from './waterfall.ts';

export function traceRoutes(store: TraceStore): Route[] {
  return [
    { method: 'GET', path: '/api/traces', handle: (exchange) => replyJson(exchange, store.list()) },
    {
      method: 'GET',
      path: '/api/traces/:id',
      handle: (exchange) => {
        const spans = store.get((exchange.params['id'] ?? '').toLowerCase());
        if (spans === undefined) throw new HttpError(404, 'this trace has not come, or is no longer kept');
        replyJson(exchange, waterfall(spans));
      },
    },
    { method: 'GET', path: '/api/service-map', handle: (exchange) => replyJson(exchange, store.map()) },
  ];
}
