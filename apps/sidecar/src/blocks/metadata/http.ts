import { replyEmpty, replyJson } from '../../http/reply.ts';
import type { HttpExchange, Route } from '../../http/route.ts';
import { describe, type MetadataSource, setAttribute } from './document.ts';
import { metadataJson } from './json.ts';

const api = { name: 'metadata', version: 'v1' };

/** The routes that describe this process, and that keep attributes for it. */
export function metadataRoutes(source: MetadataSource): Route[] {
  const get = (exchange: HttpExchange) => replyJson(exchange, 200, metadataJson(describe(source)));

  const put = async (exchange: HttpExchange) => {
    const value = await exchange.body();
    setAttribute(source, exchange.params[0] ?? '', value.toString());
    replyEmpty(exchange);
  };

  return [
    { methods: ['GET'], pattern: '/v1.0/metadata', api, operation: 'GetMetadata', handle: get },
    { methods: ['PUT'], pattern: '/v1.0/metadata/{key}', api, operation: 'PutMetadata', handle: put },
  ];
}
