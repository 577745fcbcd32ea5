import type { StateFilter } from '@outrigger/core';

export interface Book {
  readonly title: string;
  readonly language: string;
  readonly author: { readonly name: string; readonly born: number };
}

const book = (title: string, language: string, name: string, born: number): Book => ({
  title,
  language,
  author: { name, born },
});

/** Numbers that are sorted otherwise as texts; two years and one author come twice. */
export const books: readonly Book[] = [
  book('Kalevala', 'fi', 'Lonnrot', 1802),
  book('Seven Brothers', 'fi', 'Kivi', 1834),
  book('Pan Tadeusz', 'pl', 'Mickiewicz', 1798),
  book('Quo Vadis', 'pl', 'Sienkiewicz', 1846),
  book('Faust', 'de', 'Goethe', 1749),
  book('Turngedichte', 'de', 'Ringelnatz', 1883),
  book('Odyssey', 'el', 'Homer', -750),
  book('Zorba', 'el', 'Kazantzakis', 1883),
  book('Iliad', 'el', 'Homer', -750),
  book('Aeneid', 'la', 'Virgil', -70),
];

const compare = (op: 'EQ' | 'NEQ' | 'GT' | 'GTE' | 'LT' | 'LTE', key: string, value: string | number): StateFilter => ({
  op,
  key,
  value,
});
const among = (key: string, ...values: (string | number)[]): StateFilter => ({ op: 'IN', key, values });
const and = (...filters: StateFilter[]): StateFilter => ({ op: 'AND', filters });
const or = (...filters: StateFilter[]): StateFilter => ({ op: 'OR', filters });
const born = 'author.born';
const name = 'author.name';

/** What is asked for, and the titles that are found. */
export const scenarios: readonly (readonly [what: string, filter: StateFilter, found: string])[] = [
  ['a text', compare('EQ', 'language', 'fi'), 'Kalevala, Seven Brothers'],
  ['a text with a blank', compare('EQ', 'title', 'Pan Tadeusz'), 'Pan Tadeusz'],
  ['a text within', compare('EQ', name, 'Homer'), 'Iliad, Odyssey'],
  ['a number within', compare('EQ', born, 1834), 'Seven Brothers'],
  ['a text that nobody has', compare('EQ', 'language', 'sv'), ''],
  ['the beginning of a text', compare('EQ', 'title', 'Pan'), ''],
  [
    'every other text',
    compare('NEQ', 'language', 'el'),
    'Aeneid, Faust, Kalevala, Pan Tadeusz, Quo Vadis, Seven Brothers, Turngedichte',
  ],
  ['every other number', and(compare('NEQ', born, 1883), among('language', 'el', 'de')), 'Faust, Iliad, Odyssey'],
  ['more', compare('GT', born, 1834), 'Quo Vadis, Turngedichte, Zorba'],
  ['as much or more', compare('GTE', born, 1834), 'Quo Vadis, Seven Brothers, Turngedichte, Zorba'],
  ['less', compare('LT', born, -70), 'Iliad, Odyssey'],
  ['as much or less', compare('LTE', born, -70), 'Aeneid, Iliad, Odyssey'],
  ['a span', and(compare('GT', born, 1749), compare('LT', born, 1834)), 'Kalevala, Pan Tadeusz'],
  ['one of some texts', among('language', 'fi', 'la', 'sv'), 'Aeneid, Kalevala, Seven Brothers'],
  ['one of some numbers', among(born, 1749, 1883), 'Faust, Turngedichte, Zorba'],
  ['one of one', among('language', 'la'), 'Aeneid'],
  ['one of none', among('language'), ''],
  ['all of some', and(compare('EQ', 'language', 'el'), compare('LT', born, 0)), 'Iliad, Odyssey'],
  ['all of one', and(compare('EQ', 'language', 'la')), 'Aeneid'],
  ['any of some', or(compare('EQ', 'language', 'la'), compare('EQ', born, 1749)), 'Aeneid, Faust'],
  [
    'any within all',
    and(among('language', 'de', 'pl'), or(compare('GT', born, 1880), compare('EQ', name, 'Mickiewicz'))),
    'Pan Tadeusz, Turngedichte',
  ],
  [
    'all within any',
    or(
      and(compare('EQ', 'language', 'fi'), compare('GTE', born, 1834)),
      and(compare('EQ', 'language', 'el'), compare('NEQ', name, 'Homer')),
    ),
    'Seven Brothers, Zorba',
  ],
  [
    'any within all within any within all',
    and(
      compare('GT', born, 0),
      or(
        compare('EQ', name, 'Goethe'),
        and(compare('EQ', 'language', 'de'), or(compare('EQ', born, 1), compare('EQ', born, 1883))),
      ),
    ),
    'Faust, Turngedichte',
  ],
  ['both of two that exclude each other', and(compare('EQ', born, 1), compare('EQ', born, 2)), ''],
  ['a path that nothing has', and(compare('EQ', 'language', 'fi'), compare('EQ', 'title.inner', 'x')), ''],
];
