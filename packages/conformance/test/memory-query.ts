import {
  ComponentError,
  type StateFilter,
  type StateItem,
  type StateQuery,
  type StateQueryResult,
} from '@outrigger/core';

type Entry = { readonly key: string } & StateItem;

/** Answers a query over these entries. `asPattern`: a text to compare with is taken for a pattern; `anyToken`: so is none. */
export function answerQuery(
  entries: readonly Entry[],
  { filter, sort, limit = Number.POSITIVE_INFINITY, token = '0', keyPrefix = '' }: StateQuery,
  faults: { readonly asPattern: boolean; readonly anyToken: boolean },
): StateQueryResult {
  const start = Number(token);
  if (!/^\d+$/.test(token) && !faults.anyToken) {
    throw new ComponentError('invalid-argument', 'page.token is none that this store has given');
  }
  const found = entries
    .filter(({ key }) => key.startsWith(keyPrefix))
    .map((entry) => ({ entry, json: parse(entry.value) }))
    .filter(({ json }) => filter === undefined || matches(filter, json, faults.asPattern))
    .toSorted((one, other) => {
      for (const { key, order } of sort) {
        const difference = compare(at(one.json, key), at(other.json, key)) ?? 0;
        if (difference !== 0) return order === 'ASC' ? difference : -difference;
      }
      return 0;
    });
  const from = Number.isNaN(start) ? 0 : start;
  const items = found.slice(from, from + limit).map(({ entry }) => entry);
  return { items, ...(from + limit < found.length && { token: String(from + limit) }) };
}

function matches(filter: StateFilter, json: unknown, asPattern: boolean): boolean {
  switch (filter.op) {
    case 'AND':
      return filter.filters.every((one) => matches(one, json, asPattern));
    case 'OR':
      return filter.filters.some((one) => matches(one, json, asPattern));
    case 'IN':
      return filter.values.includes(at(json, filter.key) as string);
    default: {
      const value = at(json, filter.key);
      if (asPattern && filter.op === 'EQ' && typeof filter.value === 'string') {
        return new RegExp(`^${filter.value.replaceAll(/[()[\]{}+\\|]/g, '.')}$`).test(String(value));
      }
      if (filter.op === 'EQ') return value === filter.value;
      if (filter.op === 'NEQ') return value !== filter.value;
      const difference = compare(value, filter.value);
      if (difference === undefined) return false;
      if (filter.op === 'GT') return difference > 0;
      if (filter.op === 'GTE') return difference >= 0;
      return filter.op === 'LT' ? difference < 0 : difference <= 0;
    }
  }
}

function compare(one: unknown, other: unknown): number | undefined {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  if (typeof one !== 'string' || typeof other !== 'string') return undefined;
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function at(json: unknown, path: string): unknown {
  let value = json;
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

function parse(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString());
  } catch {
    return undefined;
  }
}
