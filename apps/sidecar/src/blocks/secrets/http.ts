import { type Runtime } from '@outrigger/runtime';

import { replyEmpty, replyJson } from '../../http/reply.ts';
import { type HttpExchange, type Route } from '../../http/route.ts';

const api = { name: 'secrets', version: 'v1' };

/** The routes of the secrets building block. */
export function secretRoutes(runtime: Pick<Runtime, 'secrets'>): Route[] {
  const storeOf = ({ params }: HttpExchange) => runtime.secrets(params[0] ?? '');

  const get = async (exchange: HttpExchange) => {
    const secret = await storeOf(exchange).get(exchange.params[1] ?? '', exchange.metadata());
    if (secret === undefined) replyEmpty(exchange);
    else replyJson(exchange, 200, secret);
  };

  const getAll = async (exchange: HttpExchange) => {
    replyJson(exchange, 200, await storeOf(exchange).getAll(exchange.metadata()));
  };

  const methods = ['GET'];
  return [
    { methods, pattern: '/v1.0/secrets/{store}/bulk', api, operation: 'GetBulkSecret', handle: getAll },
    { methods, pattern: '/v1.0/secrets/{store}/{key}', api, operation: 'GetSecret', handle: get },
  ];
}
