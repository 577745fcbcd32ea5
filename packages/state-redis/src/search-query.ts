import { ComponentError, type QueryValue, type StateFilter, type StateQuery } from '@outrigger/core';
import type { IndexedPath, QueryIndex } from './query-indexes.ts';

type Comparison = Exclude<StateFilter, { readonly op: 'AND' | 'OR' }>;

/** What FT.SEARCH is given beside the name of the index and the page. */
export interface SearchQuery {
  /** In dialect 2. Texts of the caller are in no place of it, but in `parameters`. */
  readonly expression: string;
  readonly parameters: readonly string[];
  readonly sortBy: readonly string[];
}

/** Says a query in the language of RediSearch. Throws `invalid-argument` for what the index cannot answer. */
export function toSearchQuery({ filter, sort }: StateQuery, index: QueryIndex): SearchQuery {
  const [by, ...more] = sort;
  if (more.length > 0) throw new ComponentError('invalid-argument', 'sort: RediSearch sorts by one key only');
  const translation = new Translation(index);
  const sortBy = by === undefined ? [] : ['SORTBY', translation.path(by.key).alias, by.order];
  const expression = filter === undefined ? '*' : translation.expression(filter);
  return { expression, parameters: translation.parameters, sortBy };
}

class Translation {
  readonly parameters: string[] = [];
  readonly #index: QueryIndex;

  constructor(index: QueryIndex) {
    this.#index = index;
  }

  path(key: string): IndexedPath {
    const path = this.#index.paths.get(key);
    if (path !== undefined) return path;
    const message = `the path "${key}" is not in the query index "${this.#index.name}": add it to queryIndexes`;
    throw new ComponentError('invalid-argument', message);
  }

  expression(filter: StateFilter): string {
    if (!('filters' in filter)) return this.#comparison(filter, this.path(filter.key));
    return `(${filter.filters.map((each) => this.expression(each)).join(filter.op === 'AND' ? ' ' : '|')})`;
  }

  #comparison(filter: Comparison, { alias, type }: IndexedPath): string {
    switch (filter.op) {
      case 'EQ':
        return `(${this.#equals(filter, alias, type, [filter.value])})`;
      case 'NEQ':
        return `(-${this.#equals(filter, alias, type, [filter.value])})`;
      case 'IN':
        return `(${this.#equals(filter, alias, type, filter.values)})`;
      case 'GT':
        return `(@${alias}:[(${number(filter, type, filter.value)} +inf])`;
      case 'GTE':
        return `(@${alias}:[${number(filter, type, filter.value)} +inf])`;
      case 'LT':
        return `(@${alias}:[-inf (${number(filter, type, filter.value)}])`;
      case 'LTE':
        return `(@${alias}:[-inf ${number(filter, type, filter.value)}])`;
    }
  }

  #equals(filter: Comparison, alias: string, type: IndexedPath['type'], values: readonly QueryValue[]): string {
    if (type === 'text') {
      // what is one and is not: nothing
      if (values.length === 0) return `@${alias}:{none} -@${alias}:{none}`;
      return `@${alias}:{${values.map((value) => this.#parameter(text(filter, value))).join('|')}}`;
    }
    if (values.length === 0) return `@${alias}:[(inf +inf]`;
    return `(${values.map((value) => `@${alias}:[${number(filter, type, value)} ${number(filter, type, value)}]`).join('|')})`;
  }

  #parameter(value: string): string {
    const name = `p${this.parameters.length / 2}`;
    this.parameters.push(name, value);
    return `$${name}`;
  }
}

function text({ op, key }: Comparison, value: QueryValue): string {
  if (typeof value !== 'string') throw wrong(op, key, 'is indexed as text: it can only be compared with texts');
  if (value === '') throw wrong(op, key, 'cannot be compared with the empty text, which is not indexed');
  return value;
}

function number({ op, key }: Comparison, type: IndexedPath['type'], value: QueryValue): string {
  if (type === 'number' && typeof value === 'number') return String(value);
  if (type === 'text') throw wrong(op, key, 'is indexed as text: it has no order');
  throw wrong(op, key, 'is indexed as a number: it can only be compared with numbers');
}

function wrong(op: string, key: string, reason: string): ComponentError {
  return new ComponentError('invalid-argument', `${op}: the path "${key}" ${reason}`);
}
