import { describe, expect, it } from 'vitest';
import { renderValue, storedValue } from './stored-value.ts';

const store = (text: string) => storedValue(Buffer.from(text));
const backAgain = (text: string) => {
  const { value, exactText } = store(text);
  return renderValue(value, exactText).toString();
};

describe('a value in a document', () => {
  it('is the object or the list itself, with nothing beside it when that says all', () => {
    expect(store('{"b":1,"a":["x",null,1.5]}')).toEqual({ value: { b: 1, a: ['x', null, 1.5] } });
    expect(store('[]')).toEqual({ value: [] });
  });

  it('is a text when it is anything else that is a text, and bytes otherwise', () => {
    for (const text of ['', '1', 'null', '"x"', '{', '{"a":1} x', '\uFEFF{}'])
      expect(store(text)).toEqual({ value: text });
    expect(storedValue(new Uint8Array([255]))).toEqual({ value: Buffer.from([255]) });
  });

  it.each([
    '{"$gt":1}',
    '{"a":[{"$where":"1"}]}',
    '{"_bsontype":"ObjectId"}',
    '{"__proto__":{"a":1}}',
    String.raw`{"a\u0000b":1}`,
    String.raw`["\ud800"]`,
    '['.repeat(91) + ']'.repeat(91),
    '['.repeat(100_000) + ']'.repeat(100_000),
  ])('is a text when BSON would take it for something else: %.40s', (text) => {
    expect(store(text)).toEqual({ value: text });
  });

  it('comes back byte for byte', () => {
    const texts = [
      '{ "b": 1,\n"a": 1.0 }',
      '{"a":9007199254740993}',
      '{"a":1,"a":2}',
      '{"2":0,"1":0}',
      '[-0]',
      '[1E2]',
    ];
    for (const text of texts) {
      expect(store(text).exactText).toBe(text);
      expect(backAgain(text)).toBe(text);
    }
  });

  it('is what it was changed to, not the text that was kept beside it', () => {
    expect(renderValue({ a: 2 }, '{ "a": 1 }').toString()).toBe('{"a":2}');
    expect(renderValue('x', '{ "a": 1 }').toString()).toBe('x');
  });

  it('may be of types that only others write', () => {
    expect(renderValue(undefined).toString()).toBe('null');
    expect(renderValue(true).toString()).toBe('true');
    expect(renderValue({ at: new Date(0) }).toString()).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
  });
});
