import { ComponentError } from './errors.ts';

/** What a query compares with. */
export type QueryValue = string | number | boolean | null;

/** `key`: a path into the item's JSON value, its steps parted by dots. */
export type StateFilter =
  | { readonly op: 'EQ' | 'NEQ' | 'GT' | 'GTE' | 'LT' | 'LTE'; readonly key: string; readonly value: QueryValue }
  | { readonly op: 'IN'; readonly key: string; readonly values: readonly QueryValue[] }
  | { readonly op: 'AND' | 'OR'; readonly filters: readonly StateFilter[] };

/** Dapr's query object (https://docs.dapr.io, "How-To: Query state"), checked. */
export interface StateQuery {
  /** Absent: every item. */
  readonly filter?: StateFilter;
  readonly sort: readonly { readonly key: string; readonly order: 'ASC' | 'DESC' }[];
  /** At most this many items on a page; absent: all. */
  readonly limit?: number;
  /** What the page before gave. */
  readonly token?: string;
  /** Only items whose key begins with this: those of one app. A page counts only them. Absent: every key. */
  readonly keyPrefix?: string;
}

/** Throws ComponentError `invalid-argument` that names the place in the query which is wrong, as `filter.AND[1].EQ`. */
export function parseStateQuery(query: unknown): StateQuery {
  const { filter, sort = [], page = {} } = objectAt('the query', query);
  const { limit, token } = objectAt('page', page);
  if (!Array.isArray(sort)) throw wrong('sort', 'must be a list');
  if (limit !== undefined && !(Number.isSafeInteger(limit) && Number(limit) >= 0)) {
    throw wrong('page.limit', 'must be a whole number from 0 on');
  }
  if (token !== undefined && typeof token !== 'string') throw wrong('page.token', 'must be a text');
  const parsed = filter === undefined || isEmpty(filter) ? undefined : parseFilter('filter', filter);
  return {
    sort: sort.map((entry, index) => parseSorting(`sort[${index}]`, entry)),
    ...(parsed && { filter: parsed }),
    ...(limit ? { limit: Number(limit) } : {}),
    ...(token ? { token } : {}),
  };
}

function parseFilter(at: string, filter: unknown): StateFilter {
  const [entry, ...others] = Object.entries(objectAt(at, filter));
  if (entry === undefined || others.length > 0) throw wrong(at, 'must have exactly one operator');
  const [op, operand] = entry;
  const here = `${at}.${op}`;
  switch (op) {
    case 'AND':
    case 'OR':
      if (!Array.isArray(operand) || operand.length === 0) throw wrong(here, 'must be a list of filters');
      return { op, filters: operand.map((each, index) => parseFilter(`${here}[${index}]`, each)) };
    case 'IN': {
      const [key, values] = keyed(here, operand);
      if (!Array.isArray(values)) throw wrong(here, `must have a list of values for "${key}"`);
      return { op, key, values: values.map((value) => scalarAt(here, value)) };
    }
    case 'EQ':
    case 'NEQ':
    case 'GT':
    case 'GTE':
    case 'LT':
    case 'LTE': {
      const [key, value] = keyed(here, operand);
      return { op, key, value: scalarAt(here, value) };
    }
    default:
      throw wrong(at, `has the unknown operator "${op}"; there are EQ, NEQ, GT, GTE, LT, LTE, IN, AND and OR`);
  }
}

function parseSorting(at: string, sorting: unknown): StateQuery['sort'][number] {
  const { key, order = 'ASC' } = objectAt(at, sorting);
  if (typeof key !== 'string' || key === '') throw wrong(`${at}.key`, 'must name a path in the value');
  const direction = String(order).toUpperCase() || 'ASC';
  if (direction !== 'ASC' && direction !== 'DESC') throw wrong(`${at}.order`, 'must be ASC or DESC');
  return { key, order: direction };
}

/** The one path and what it is compared with. */
function keyed(at: string, operand: unknown): [key: string, value: unknown] {
  const [entry, ...others] = Object.entries(objectAt(at, operand));
  if (entry === undefined || entry[0] === '' || others.length > 0) throw wrong(at, 'must name exactly one path');
  return entry;
}

function scalarAt(at: string, value: unknown): QueryValue {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value as QueryValue;
  throw wrong(at, 'must compare with a text, a number, a boolean or null');
}

function objectAt(at: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrong(at, 'must be an object');
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

function wrong(at: string, reason: string): ComponentError {
  return new ComponentError('invalid-argument', `${at} ${reason}`);
}
