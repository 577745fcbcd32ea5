import { type Runtime, secretNotFound } from '@outrigger/runtime';

import { replyJson } from '../../http/reply.ts';
import type { HttpExchange, Route } from '../../http/route.ts';

const api = { name: 'secrets', version: 'v1' };

/** The routes of the secrets building block. */
export function secretRoutes(runtime: Pick<Runtime, 'secrets'>): Route[] {
  const get = async (exchange: HttpExchange) => {
    const [store = '', name = ''] = exchange.params;
    const secret = await runtime.secrets(store).get(name, exchange.metadata(), exchange.signal());
    if (secret === undefined) throw secretNotFound(store, name);
    replyJson(exchange, 200, secret);
  };

  const getAll = async (exchange: HttpExchange) => {
    const store = runtime.secrets(exchange.params[0] ?? '');
    replyJson(exchange, 200, await store.getAll(exchange.metadata(), exchange.signal()));
  };

  const methods = ['GET'];
  return [
    { methods, pattern: '/v1.0/secrets/{store}/bulk', api, operation: 'GetBulkSecret', handle: getAll },
    { methods, pattern: '/v1.0/secrets/{store}/{key}', api, operation: 'GetSecret', handle: get },
  ];
}
