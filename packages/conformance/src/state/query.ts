import { randomUUID } from 'node:crypto';
import type { StateQuery, StateQueryResult } from '@outrigger/core';
import { expect, vi } from 'vitest';
import { never, promptMs } from '../within.ts';
import { needing, type StateCase } from './case.ts';
import { type Book, books, scenarios } from './query-data.ts';
import type { StateSubject } from './subject.ts';

const json = { contentType: 'application/json' };

/** The items of one case, under a prefix of their own. */
class Library {
  readonly keyPrefix: string;
  readonly #subject: StateSubject;

  constructor(subject: StateSubject, name = '') {
    this.#subject = subject;
    this.keyPrefix = `${randomUUID()}${name}||`;
  }

  /** Resolves once a query finds what was written, as some indexes lag behind. */
  async add(items: Readonly<Record<string, unknown>>): Promise<void> {
    const entries = Object.entries(items);
    await Promise.all(
      entries.map(([name, value]) => this.#subject.set(this.keyPrefix + name, JSON.stringify(value), json)),
    );
    await vi.waitFor(
      async () => {
        const found = new Set((await this.find({})).map(({ key }) => key));
        const lacking = entries.filter(([name]) => !found.has(this.keyPrefix + name));
        if (lacking.length > 0) throw new Error(`a query does not find "${lacking[0]?.[0]}", which was written`);
      },
      { timeout: 4 * promptMs, interval: 20 },
    );
  }

  ask(query: Partial<StateQuery>): Promise<StateQueryResult> {
    const { metadata = {} } = this.#subject.quirks.query ?? {};
    return this.#subject.method('query')({ sort: [], keyPrefix: this.keyPrefix, ...query }, metadata, never);
  }

  async find(query: Partial<StateQuery>): Promise<StateQueryResult['items']> {
    return (await this.ask(query)).items;
  }

  /** The titles, in the order they come. */
  async titles(query: Partial<StateQuery>): Promise<string[]> {
    return (await this.find(query)).map(titleOf);
  }

  /** The titles on each page. */
  async pages(query: Partial<StateQuery>): Promise<string[][]> {
    const pages: string[][] = [];
    let token: string | undefined;
    do {
      const page = await this.ask({ ...query, ...(token === undefined ? {} : { token }) });
      pages.push(page.items.map(titleOf));
      ({ token } = page);
      expect(pages.length, 'pages so far').toBeLessThan(100);
    } while (token !== undefined);
    return pages;
  }
}

function titleOf({ value }: { readonly value: Uint8Array }): string {
  return (JSON.parse(Buffer.from(value).toString()) as Book).title;
}

async function libraryOf(subject: StateSubject): Promise<Library> {
  const library = new Library(subject);
  await library.add(Object.fromEntries(books.map((one, index) => [String(index), one])));
  return library;
}

const sorted = books.map(({ title }) => title).toSorted();
const oddTexts = [
  `O'Brien`,
  `a" OR "1"="1`,
  '$gt',
  '{"$ne":null}',
  `'; DROP TABLE state; --`,
  '漢字 😀 é',
  'e\u0301',
  '100%',
  '1_0',
  '100x',
  'back\\slash',
  '*',
  '@title:{x}',
  'a-b,c.d',
  'line\nbreak',
  'true',
  'null',
  '42',
];

export const queryCases: readonly StateCase[] = needing(
  ['query'],
  [
    {
      title: 'finds everything when nothing is asked for, as get gives it',
      async run(subject) {
        const library = await libraryOf(subject);
        const items = await library.find({});
        expect(items.map(titleOf).toSorted()).toEqual(sorted);
        for (const { key, ...item } of items) expect(item).toEqual(await subject.get(key));
      },
    },
    ...scenarios.map(([what, filter, found]): StateCase => ({
      title: `finds ${what}`,
      async run(subject) {
        const library = await libraryOf(subject);
        expect((await library.titles({ filter })).toSorted().join(', ')).toBe(found);
      },
    })),
    {
      title: 'sorts up and down, numbers as numbers',
      async run(subject) {
        const library = await libraryOf(subject);
        const byTitle = (order: 'ASC' | 'DESC') => library.titles({ sort: [{ key: 'title', order }] });
        expect(await byTitle('ASC')).toEqual(sorted);
        expect(await byTitle('DESC')).toEqual(sorted.toReversed());
        const filter = { op: 'NEQ', key: 'language', value: 'el' } as const;
        expect(await library.titles({ filter, sort: [{ key: 'author.born', order: 'ASC' }] })).toEqual([
          'Aeneid',
          'Faust',
          'Pan Tadeusz',
          'Kalevala',
          'Seven Brothers',
          'Quo Vadis',
          'Turngedichte',
        ]);
      },
    },
    {
      title: 'sorts by several keys, each its own way',
      unless: ({ quirks }) => (quirks.query?.maxSortKeys ?? 2) < 2 && 'the store sorts by one key',
      async run(subject) {
        const library = await libraryOf(subject);
        const filter = { op: 'IN', key: 'language', values: ['el', 'de'] } as const;
        const titles = await library.titles({
          filter,
          sort: [
            { key: 'author.born', order: 'DESC' },
            { key: 'title', order: 'ASC' },
          ],
        });
        expect(titles).toEqual(['Turngedichte', 'Zorba', 'Faust', 'Iliad', 'Odyssey']);
      },
    },
    ...[1, 3, 5, 10, 100].map((limit): StateCase => ({
      title: `pages by ${limit}: each once, in order, and no token after the last`,
      async run(subject) {
        const library = await libraryOf(subject);
        const pages = await library.pages({ limit, sort: [{ key: 'title', order: 'ASC' }] });
        expect(pages.flat()).toEqual(sorted);
        expect(pages.map(({ length }) => length)).toEqual(
          Array.from({ length: Math.ceil(10 / limit) }, (_, page) => Math.min(limit, 10 - page * limit)),
        );
      },
    })),
    {
      title: 'pages through what a filter finds, also without an order',
      async run(subject) {
        const library = await libraryOf(subject);
        const pages = await library.pages({ limit: 2, filter: { op: 'EQ', key: 'language', value: 'el' } });
        expect(pages.flat().toSorted()).toEqual(['Iliad', 'Odyssey', 'Zorba']);
        expect((await library.pages({ limit: 4 })).flat().toSorted()).toEqual(sorted);
      },
    },
    ...['no-such-token', '-1', '1e9x', '{"$gt":""}', "0' OR '1'='1"].map((token): StateCase => ({
      title: `refuses ${token} as a token`,
      async run(subject) {
        const library = await libraryOf(subject);
        await expect(library.ask({ limit: 2, token })).rejects.toMatchObject({ code: 'invalid-argument' });
      },
    })),
    {
      title: 'sees only keys with the prefix, whatever characters it has',
      async run(subject) {
        const names = ['a', 'a.', 'a*', 'a%', 'a_', 'a\\', "a'", 'a[b]', 'A', 'ab'];
        const libraries = names.map((name) => new Library(subject, name));
        for (const [index, library] of libraries.entries()) {
          await library.add({ one: { title: names[index] }, 'inner||two': { title: `${names[index]} inner` } });
        }
        for (const [index, library] of libraries.entries()) {
          expect((await library.titles({})).toSorted()).toEqual([names[index], `${names[index]} inner`]);
        }
      },
    },
    {
      title: 'takes texts as they are, not as a part of its language',
      async run(subject) {
        const library = new Library(subject);
        await library.add(Object.fromEntries(oddTexts.map((title, index) => [String(index), { title }])));
        for (const title of oddTexts) {
          expect(await library.titles({ filter: { op: 'EQ', key: 'title', value: title } })).toEqual([title]);
          expect(await library.titles({ filter: { op: 'IN', key: 'title', values: [title] } })).toEqual([title]);
        }
        const [first = '', ...others] = oddTexts;
        const rest = await library.titles({ filter: { op: 'NEQ', key: 'title', value: first } });
        expect(rest.toSorted()).toEqual(others.toSorted());
      },
    },
    ...['$where', '$expr', 'title.$gt', "title' OR '1'='1", 'title") OR (1=1', '$', '..', '__proto__'].map(
      (key): StateCase => ({
        title: `finds nothing by the path ${key}, or refuses it`,
        async run(subject) {
          const library = await libraryOf(subject);
          const found = await library.titles({ filter: { op: 'EQ', key, value: 'true' } }).catch((error: unknown) => {
            expect(error).toMatchObject({ code: 'invalid-argument' });
            return [];
          });
          expect(found).toEqual([]);
        },
      }),
    ),
    {
      title: 'tells texts from numbers, booleans and null',
      unless: ({ quirks }) => quirks.query?.onlyTextsAndNumbers && 'the store compares texts and numbers only',
      async run(subject) {
        const library = new Library(subject);
        const values = { text: '1', number: 1, yes: true, no: false, nothing: null };
        await library.add(
          Object.fromEntries(Object.entries(values).map(([title, value]) => [title, { title, mark: value }])),
        );
        for (const [title, value] of Object.entries(values)) {
          expect(await library.titles({ filter: { op: 'EQ', key: 'mark', value } })).toEqual([title]);
        }
        const either = await library.titles({ filter: { op: 'IN', key: 'mark', values: [true, '1'] } });
        expect(either.toSorted()).toEqual(['text', 'yes']);
      },
    },
    {
      title: 'is not disturbed by values that are no objects, and sees what was changed and deleted',
      async run(subject) {
        const library = new Library(subject);
        await library.add({ one: { title: 'One', language: 'x' }, two: { title: 'Two', language: 'x' } });
        await subject.set(`${library.keyPrefix}text`, 'not json');
        await subject.store.set({ key: `${library.keyPrefix}bytes`, value: Buffer.from([255, 0, 254]) }, never);
        await subject.set(`${library.keyPrefix}list`, '[{"language":"y"}]', json);
        const found = (language: string) => library.titles({ filter: { op: 'EQ', key: 'language', value: language } });
        expect((await found('x')).toSorted()).toEqual(['One', 'Two']);
        await subject.set(`${library.keyPrefix}one`, '{"title":"One","language":"z"}', json);
        await subject.delete(`${library.keyPrefix}two`);
        await expect.poll(() => found('x')).toEqual([]);
        await expect.poll(() => found('z')).toEqual(['One']);
      },
    },
  ],
);
