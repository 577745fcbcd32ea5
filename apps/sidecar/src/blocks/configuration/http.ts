import type { Runtime } from '@outrigger/runtime';

import { replyEmpty, replyJson } from '../../http/reply.ts';
import type { HttpExchange, Route } from '../../http/route.ts';
import { unsubscribe } from './unsubscribe.ts';

/** The routes of the configuration building block. */
export function configurationRoutes(runtime: Pick<Runtime, 'configurationStore'>): Route[] {
  const storeOf = ({ params }: HttpExchange) => runtime.configurationStore(params[0] ?? '');

  const get = async (exchange: HttpExchange) => {
    const keys = exchange.queryValues('key');
    const items = await storeOf(exchange).get(keys, exchange.metadata(), exchange.signal());
    if (Object.keys(items).length === 0) replyEmpty(exchange);
    else replyJson(exchange, 200, items);
  };

  const subscribe = async (exchange: HttpExchange) => {
    const keys = exchange.queryValues('key');
    const id = await storeOf(exchange).subscribeApp(keys, exchange.metadata(), exchange.signal());
    replyJson(exchange, 200, { id });
  };

  const end = async (exchange: HttpExchange) => {
    const store = storeOf(exchange);
    const { ok, message } = await unsubscribe(() => store, exchange.params[1] ?? '');
    replyJson(exchange, ok ? 200 : 500, ok ? { ok } : { ok, message });
  };

  const methods = ['GET'];
  const versions = [
    { prefix: '/v1.0', api: { name: 'configuration', version: 'v1' } },
    { prefix: '/v1.0-alpha1', api: { name: 'configuration', version: 'v1alpha1' } },
  ];
  return versions.flatMap(({ prefix, api }) => {
    const store = `${prefix}/configuration/{store}`;
    return [
      { methods, pattern: store, api, operation: 'GetConfiguration', handle: get },
      { methods, pattern: `${store}/subscribe`, api, operation: 'SubscribeConfiguration', handle: subscribe },
      { methods, pattern: `${store}/{id}/unsubscribe`, api, operation: 'UnsubscribeConfiguration', handle: end },
    ];
  });
}
