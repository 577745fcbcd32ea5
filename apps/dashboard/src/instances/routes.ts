import { replyJson, type Route } from '../http/exchange.ts';
import type { Instances } from './instances.ts';

export function instanceRoutes(instances: Instances): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/instances',
      handle: async (exchange) => replyJson(exchange, await instances.all()),
    },
    {
      method: 'GET',
      path: '/api/instances/:id',
      handle: async (exchange) => replyJson(exchange, await instances.describe(exchange.params['id'] ?? '')),
    },
  ];
}
