import { ComponentError, type StateFilter, type StateQuery } from '@outrigger/core';

const operators = { EQ: '$eq', NEQ: '$ne', GT: '$gt', GTE: '$gte', LT: '$lt', LTE: '$lte' } as const;

/** The filter of the server for one of ours. Every operator in it is from here; what is compared with are scalars. */
export function mongoFilter(filter: StateFilter): Record<string, unknown> {
  switch (filter.op) {
    case 'AND':
      return { $and: filter.filters.map(mongoFilter) };
    case 'OR':
      return { $or: filter.filters.map(mongoFilter) };
    case 'IN':
      return { [pathOf(filter.key)]: { $in: filter.values } };
    default:
      return { [pathOf(filter.key)]: { [operators[filter.op]]: filter.value } };
  }
}

/** Ties go by the key, so that pages neither repeat nor leave out. */
export function mongoSort(sort: StateQuery['sort']): Record<string, 1 | -1> {
  const order = sort.map(({ key, order }) => [pathOf(key), order === 'ASC' ? 1 : -1] as const);
  return { ...Object.fromEntries(order), _id: 1 };
}

/** How many items go before the page. As in Dapr the token is that number. */
export function skipOf(token: string | undefined): number {
  const skip = token === undefined ? 0 : /^\d{1,15}$/.test(token) ? Number(token) : -1;
  if (skip < 0) throw new ComponentError('invalid-argument', 'page.token is not one that this store has given');
  return skip;
}

function pathOf(key: string): string {
  const steps = key.split('.');
  if (steps.some((step) => step === '' || step.startsWith('$') || step.includes('\0'))) {
    const rule = 'its steps are parted by one dot each and none begins with $';
    throw new ComponentError('invalid-argument', `"${key}" is no path in a value: ${rule}`);
  }
  return `value.${key}`;
}
