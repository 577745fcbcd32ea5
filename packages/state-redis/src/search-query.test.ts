import { parseStateQuery } from '@outrigger/core';
import { describe, expect, it } from 'vitest';
import { createArguments, parseQueryIndexes, type QueryIndex } from './query-indexes.ts';
import { toSearchQuery } from './search-query.ts';

// the indexes of Dapr's how-to on queries
const queryIndexes = `[{ "name": "orgIndx", "indexes": [
  { "key": "person.org", "type": "TEXT" }, { "key": "person.id", "type": "NUMERIC" },
  { "key": "state", "type": "TEXT" }, { "key": "city", "type": "TEXT" } ] }]`;
const index = parseQueryIndexes(queryIndexes).get('orgIndx') as QueryIndex;
const translate = (query: unknown) => toSearchQuery(parseStateQuery(query), index);

describe('query indexes', () => {
  it('have the paths and names that Dapr gives them, texts as a whole', () => {
    expect(createArguments('i', index, 'app||').join(' ')).toBe(
      'i ON JSON PREFIX 1 app|| SCHEMA $.data.person.org AS var0 TAG CASESENSITIVE SORTABLE UNF ' +
        '$.data.person.id AS var1 NUMERIC SORTABLE $.data.state AS var2 TAG CASESENSITIVE SORTABLE UNF ' +
        '$.data.city AS var3 TAG CASESENSITIVE SORTABLE UNF',
    );
    expect(createArguments('i', index, undefined).slice(0, 4)).toEqual(['i', 'ON', 'JSON', 'SCHEMA']);
  });

  it.each([
    ['{', 'queryIndexes is not JSON'],
    ['{}', 'queryIndexes must be a list'],
    ['[1]', 'queryIndexes[0] must be an object'],
    ['[{"name":"","indexes":[]}]', 'queryIndexes[0].name must be a text'],
    ['[{"name":"a","indexes":[]}]', 'queryIndexes[0].indexes must name at least one path'],
    ['[{"name":"a","indexes":[{"key":"x"}]}]', 'queryIndexes[0].indexes[0].type must be a text'],
    ['[{"name":"a","indexes":[{"key":"x","type":"constructor"}]}]', 'is none of TEXT, TAG and NUMERIC'],
  ])('that are %s are refused with the place', (json, message) => {
    expect(() => parseQueryIndexes(json)).toThrow(message);
  });
});

describe('a query in the language of RediSearch', () => {
  it.each([
    ['everything', {}, '*', []],
    ['a text', { EQ: { state: 'CA' } }, '(@var2:{$p0})', ['p0', 'CA']],
    ['another text', { NEQ: { state: 'CA' } }, '(-@var2:{$p0})', ['p0', 'CA']],
    ['a number', { EQ: { 'person.id': -1.5 } }, '((@var1:[-1.5 -1.5]))', []],
    ['more', { GT: { 'person.id': 5 } }, '(@var1:[(5 +inf])', []],
    ['as much or more', { GTE: { 'person.id': 5 } }, '(@var1:[5 +inf])', []],
    ['less', { LT: { 'person.id': 5 } }, '(@var1:[-inf (5])', []],
    ['as much or less', { LTE: { 'person.id': 5 } }, '(@var1:[-inf 5])', []],
    ['one of texts', { IN: { state: ['CA', 'WA'] } }, '(@var2:{$p0|$p1})', ['p0', 'CA', 'p1', 'WA']],
    [
      "Dapr's q6",
      {
        OR: [
          { EQ: { 'person.id': 123 } },
          { AND: [{ EQ: { 'person.org': 'B' } }, { IN: { 'person.id': [567, 890] } }] },
        ],
      },
      '(((@var1:[123 123]))|((@var0:{$p0}) ((@var1:[567 567]|@var1:[890 890]))))',
      ['p0', 'B'],
    ],
  ])('asks for %s', (_, filter, expression, parameters) => {
    expect(translate({ filter })).toEqual({ expression, parameters, sortBy: [] });
  });

  it('never holds a text of the caller', () => {
    const { expression, parameters } = translate({ filter: { EQ: { state: '} | *' } } });
    expect({ expression, parameters }).toEqual({ expression: '(@var2:{$p0})', parameters: ['p0', '} | *'] });
  });

  it('is sorted by one path', () => {
    expect(translate({ sort: [{ key: 'person.id', order: 'DESC' }] }).sortBy).toEqual(['SORTBY', 'var1', 'DESC']);
    expect(() => translate({ sort: [{ key: 'state' }, { key: 'city' }] })).toThrow('one key only');
  });

  it.each([
    [{ EQ: { street: 'x' } }, '"street" is not in the query index "orgIndx"'],
    [{ EQ: { __proto__x: 'x' } }, 'not in the query index'],
    [{ EQ: { state: 1 } }, 'only be compared with texts'],
    [{ EQ: { state: null } }, 'only be compared with texts'],
    [{ EQ: { state: '' } }, 'empty text'],
    [{ GT: { state: 'A' } }, 'no order'],
    [{ LT: { 'person.id': '5' } }, 'only be compared with numbers'],
    [{ IN: { 'person.id': [1, true] } }, 'only be compared with numbers'],
  ])('cannot say %j', (filter, message) => {
    expect(() => translate({ filter })).toThrow(message);
  });
});
