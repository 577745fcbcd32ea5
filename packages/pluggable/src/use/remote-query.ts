import {
  ComponentError,
  type RequestMetadata,
  type StateFilter,
  type StateItem,
  type StateQuery,
  type StateQueryResult,
} from '@outrigger/core';
import { type Query, type QueryRequest, type QueryResponse, Sorting_Order } from '@outrigger/protocol/components';

import { itemOf } from './state-messages.ts';

/**
 * Asks page by page. The protocol knows no prefix of keys: items of other apps are left out here, and further pages fetched until as
 * many are together as were asked for.
 */
export async function remoteQuery(
  ask: (request: QueryRequest) => Promise<QueryResponse>,
  { filter, sort, limit, token, keyPrefix = '' }: StateQuery,
  metadata: RequestMetadata,
): Promise<StateQueryResult> {
  const items: ({ readonly key: string } & StateItem)[] = [];
  const query = {
    filter: filter === undefined ? {} : filterOf(filter),
    sort: sort.map(({ key, order }) => ({ key, order: Sorting_Order[order] })),
  };
  let next = token ?? '';
  for (;;) {
    const left = limit === undefined ? 0 : limit - items.length;
    const answer = await ask({
      query: { ...query, pagination: { limit: BigInt(left), token: next } },
      metadata: { ...metadata },
    });
    for (const item of answer.items) {
      if (!item.key.startsWith(keyPrefix)) continue;
      if (item.error !== '') throw new ComponentError('internal', `the item ${item.key}: ${item.error}`);
      const found = itemOf(item);
      if (found !== undefined) items.push({ key: item.key, ...found });
    }
    const isWhole = answer.token === '' || answer.token === next;
    next = isWhole ? '' : answer.token;
    const isEnough = limit !== undefined && items.length >= limit;
    if (!isWhole && !isEnough) continue;
    return { items, ...(next !== '' && { token: next }), metadata: answer.metadata };
  }
}

/** As Dapr's runtime sends it: the operator as the key, and what it is applied to as JSON in an Any that has no type. */
function filterOf(filter: StateFilter): Query['filter'] {
  const operands = Object.entries(jsonOf(filter));
  return Object.fromEntries(
    operands.map(([operator, operand]) => [operator, { typeUrl: '', value: Buffer.from(JSON.stringify(operand)) }]),
  );
}

function jsonOf(filter: StateFilter): Readonly<Record<string, unknown>> {
  switch (filter.op) {
    case 'AND':
    case 'OR':
      return { [filter.op]: filter.filters.map(jsonOf) };
    case 'IN':
      return { IN: { [filter.key]: filter.values } };
    default:
      return { [filter.op]: { [filter.key]: filter.value } };
  }
}
