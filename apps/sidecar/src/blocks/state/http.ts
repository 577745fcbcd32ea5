import type { StateItem } from '@outrigger/core';
import type { Runtime, StateReadOptions } from '@outrigger/runtime';

import { headerOf } from '../../http/headers.ts';
import { replyBytes, replyEmpty, replyJson } from '../../http/reply.ts';
import type { HttpExchange, Route } from '../../http/route.ts';
import { requestTrace } from '../../http/traceparent.ts';
import { bulkReply, queryReply, rfc3339 } from './state-reply.ts';
import { readBulkGet, readQuery, readSaveItems, readTransaction } from './state-json.ts';

const api = { name: 'state', version: 'v1' };
const write = ['POST', 'PUT'];

/** The routes of the state building block. */
export function stateRoutes(runtime: Pick<Runtime, 'state'>): Route[] {
  const storeOf = ({ params }: HttpExchange) => runtime.state(params[0] ?? '');

  const get = async (exchange: HttpExchange) => {
    const item = await storeOf(exchange).get(exchange.params[1] ?? '', readOptions(exchange), exchange.signal());
    if (item === undefined) replyEmpty(exchange);
    else replyBytes(exchange, 200, item.value, itemHeaders(item));
  };

  const save = async (exchange: HttpExchange) => {
    const store = storeOf(exchange);
    await store.save(readSaveItems(await exchange.body(), exchange.metadata()), exchange.signal());
    replyEmpty(exchange);
  };

  const remove = async (exchange: HttpExchange) => {
    const etag = headerOf(exchange.request, 'if-match');
    const concurrency = exchange.queryValue('concurrency');
    const options = {
      ...readOptions(exchange),
      ...(etag !== undefined && { etag }),
      // the building block checks the word
      ...(concurrency !== undefined && { concurrency: concurrency as 'first-write' }),
    };
    await storeOf(exchange).delete(exchange.params[1] ?? '', options, exchange.signal());
    replyEmpty(exchange);
  };

  const getBulk = async (exchange: HttpExchange) => {
    const store = storeOf(exchange);
    const { keys, ...options } = readBulkGet(await exchange.body(), exchange.metadata());
    replyBytes(exchange, 200, bulkReply(await store.getBulk(keys, options, exchange.signal())));
  };

  const transact = async (exchange: HttpExchange) => {
    const store = storeOf(exchange);
    const { operations, metadata } = readTransaction(await exchange.body(), exchange.metadata());
    await store.transact(operations, metadata, exchange.signal(), requestTrace(exchange.request));
    replyEmpty(exchange);
  };

  const search = async (exchange: HttpExchange) => {
    const store = storeOf(exchange);
    const query = readQuery(await exchange.body(), exchange.params[0] ?? '');
    const found = await store.query(query, exchange.metadata(), exchange.signal());
    if (found.items.length === 0) replyEmpty(exchange);
    else replyBytes(exchange, 200, queryReply(found));
  };

  const keys = async (exchange: HttpExchange) => {
    const [prefix, limit, token] = ['prefix', 'limit', 'token'].map((name) => exchange.queryValue(name));
    const request = {
      ...(prefix !== undefined && { prefix }),
      ...(limit !== undefined && { limit: Number(limit) }),
      ...(token && { token }),
    };
    replyJson(exchange, 200, await storeOf(exchange).keys(request, exchange.signal()));
  };

  const item = '/v1.0/state/{store}/{key}';
  const alpha = { name: 'state', version: 'v1alpha1' };
  return [
    { methods: ['GET'], pattern: item, api, operation: 'GetState', handle: get },
    { methods: write, pattern: '/v1.0/state/{store}', api, operation: 'SaveState', handle: save },
    { methods: ['DELETE'], pattern: item, api, operation: 'DeleteState', handle: remove },
    { methods: write, pattern: '/v1.0/state/{store}/bulk', api, operation: 'GetBulkState', handle: getBulk },
    {
      methods: write,
      pattern: '/v1.0/state/{store}/transaction',
      api,
      operation: 'ExecuteStateTransaction',
      handle: transact,
    },
    {
      methods: write,
      pattern: '/v1.0-alpha1/state/{store}/query',
      api: alpha,
      operation: 'QueryStateAlpha1',
      handle: search,
    },
    // none of Dapr's: `?prefix=&limit=&token=`
    {
      methods: ['GET'],
      pattern: '/v1.0-alpha1/state/{store}/keys',
      api: alpha,
      operation: 'ListStateKeysAlpha1',
      handle: keys,
    },
  ];
}

function readOptions(exchange: HttpExchange): StateReadOptions | undefined {
  if (exchange.query === '') return undefined;
  // the building block checks the word
  const consistency = exchange.queryValue('consistency') as StateReadOptions['consistency'];
  return { metadata: exchange.metadata(), ...(consistency !== undefined && { consistency }) };
}

function itemHeaders({ etag, expiresAt }: StateItem): string[] {
  const headers: string[] = [];
  if (etag !== undefined) headers.push('etag', etag);
  if (expiresAt !== undefined) headers.push('metadata.ttlexpiretime', rfc3339(expiresAt));
  return headers;
}
