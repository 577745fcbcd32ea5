import fc from 'fast-check';
import { expect, test } from 'vitest';

import { JsonText } from './json-text.ts';

/** JSON text of a value, with blanks wherever they may stand. */
function written(value: unknown, blank: () => string): string {
  const between = () => `${blank()},${blank()}`;
  if (Array.isArray(value)) {
    return `[${blank()}${value.map((item) => written(item, blank)).join(between())}${blank()}]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}${blank()}:${blank()}${written(member, blank)}`,
  );
  return `{${blank()}${members.join(between())}${blank()}}`;
}

const blanks = fc.array(fc.constantFrom('', '', ' ', '\n', '\t\r\n'), { minLength: 1, maxLength: 7 });

function spin(parts: readonly string[]): () => string {
  let turn = 0;
  return () => parts[turn++ % parts.length] ?? '';
}

const parsed = (bytes: Buffer, span: { start: number; end: number } | undefined): unknown =>
  span && JSON.parse(bytes.subarray(span.start, span.end).toString());

test('the span of a value in an array of objects is exactly that value, however the text is written', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ key: fc.string(), value: fc.jsonValue(), etag: fc.string() }, { requiredKeys: ['key'] })),
      blanks,
      (items, parts) => {
        const source = `${parts[0]}${written(items, spin(parts))}${parts[0]}`;
        const bytes = Buffer.from(source);
        const text = new JsonText(bytes);
        const expected = JSON.parse(source) as { value?: unknown }[];
        const starts = text.elements(text.root);
        expect(starts).toHaveLength(expected.length);
        for (const [index, at] of starts.entries()) {
          expect(parsed(bytes, text.member(at, 'value'))).toEqual(expected[index]?.value);
          expect(parsed(bytes, { start: at, end: text.end(at) })).toEqual(expected[index]);
        }
      },
    ),
  );
});

test('any JSON text is one value from its root to its end', () => {
  fc.assert(
    fc.property(fc.json(), blanks, (json, parts) => {
      const bytes = Buffer.from(`${parts[0]}${json}${parts[0]}`);
      const text = new JsonText(bytes);
      expect(bytes.subarray(text.root, text.end(text.root)).toString()).toBe(json.trim());
    }),
  );
});

test('names count in any case and with escapes; of several the last wins', () => {
  const bytes = Buffer.from(String.raw`{"Value":1,"val\u0075e":"two","other":{"value":3},"VALUE" : [ 4 ]}`);
  const text = new JsonText(bytes);
  expect(parsed(bytes, text.member(text.root, 'value'))).toEqual([4]);
  const first = Buffer.from(String.raw`{"x":"\\","v\u0061lue":"\"]}","y":"value"}`);
  const second = new JsonText(first);
  expect(parsed(first, second.member(second.root, 'value'))).toBe('"]}');
});

test('a member that is not there has no span', () => {
  const text = new JsonText(Buffer.from('{"key":"value","valuE2":1}'));
  expect(text.member(text.root, 'value')).toBeUndefined();
  expect(new JsonText(Buffer.from('{}')).member(0, 'value')).toBeUndefined();
  expect(new JsonText(Buffer.from('[ ]')).elements(0)).toEqual([]);
});

test.each(['', '[', '[1', '{', '{"a":', '{"a":{', '"a', '"\\'])('text that ends too early, %j, is an error', (text) => {
  const json = new JsonText(Buffer.from(text));
  const isObject = text.startsWith('{');
  expect(() => (isObject ? json.member(0, 'a') : text.startsWith('"') ? json.end(0) : json.elements(0))).toThrow(
    'ends in the middle',
  );
});
