import { describe, expect, it } from 'vitest';
import { parseStateQuery } from './state-query.ts';

describe("Dapr's query object", () => {
  it('is read as a tree of filters, the order and the page', () => {
    const query = {
      filter: {
        OR: [{ EQ: { 'person.org': 'Dev Ops' } }, { AND: [{ GT: { age: 3 } }, { IN: { state: ['CA', 'WA'] } }] }],
      },
      sort: [{ key: 'state', order: 'DESC' }, { key: 'person.id' }],
      page: { limit: 3, token: 't' },
    };
    expect(parseStateQuery(query)).toEqual({
      filter: {
        op: 'OR',
        filters: [
          { op: 'EQ', key: 'person.org', value: 'Dev Ops' },
          {
            op: 'AND',
            filters: [
              { op: 'GT', key: 'age', value: 3 },
              { op: 'IN', key: 'state', values: ['CA', 'WA'] },
            ],
          },
        ],
      },
      sort: [
        { key: 'state', order: 'DESC' },
        { key: 'person.id', order: 'ASC' },
      ],
      limit: 3,
      token: 't',
    });
  });

  it.each([{}, { filter: {} }, { page: { limit: 0, token: '' } }])('asks for everything as %j', (query) => {
    expect(parseStateQuery(query)).toEqual({ sort: [] });
  });

  it.each([
    [[], 'the query must be an object'],
    [{ filter: { EQ: { a: 1 }, NEQ: { b: 1 } } }, 'filter must have exactly one operator'],
    [{ filter: { AND: [{ EQ: { a: 1 } }, { LIKE: { b: 'x' } }] } }, 'filter.AND[1] has the unknown operator "LIKE"'],
    [{ filter: { OR: {} } }, 'filter.OR must be a list of filters'],
    [{ filter: { EQ: { a: 1, b: 2 } } }, 'filter.EQ must name exactly one path'],
    [{ filter: { EQ: { a: { $gt: '' } } } }, 'filter.EQ must compare with a text, a number, a boolean or null'],
    [{ filter: { IN: { a: 'x' } } }, 'filter.IN must have a list of values for "a"'],
    [{ sort: [{ order: 'ASC' }] }, 'sort[0].key must name a path in the value'],
    [{ sort: [{ key: 'a', order: 'UP' }] }, 'sort[0].order must be ASC or DESC'],
    [{ page: { limit: -1 } }, 'page.limit must be a whole number from 0 on'],
  ])('%j is refused: %s', (query, message) => {
    expect(() => parseStateQuery(query)).toThrow(message);
  });
});
