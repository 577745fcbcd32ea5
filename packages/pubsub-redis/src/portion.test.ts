import { describe, expect, it } from 'vitest';
import { Portion } from './portion.ts';

const mebibyte = 1024 * 1024;
const of = (size: number, portion: Portion) => portion.seen(Array.from({ length: portion.count }, () => size));

describe('the portion in which entries are fetched', () => {
  it('begins small and grows while the entries are small', () => {
    const portion = new Portion();
    const counts = Array.from({ length: 4 }, () => (of(500, portion), portion.count));
    expect(counts).toEqual([16, 32, 32, 32]);
  });

  it('shrinks at once when entries are large, to no less than one', () => {
    const portion = new Portion();
    of(500, portion);
    of(4 * mebibyte, portion);
    expect(portion.count).toBe(2);
    of(100 * mebibyte, portion);
    expect(portion.count).toBe(1);
  });

  it('goes by the largest entry and grows again afterwards', () => {
    const portion = new Portion();
    portion.seen([100, mebibyte * 4, 100]);
    expect(portion.count).toBe(2);
    of(100, portion);
    expect(portion.count).toBe(4);
    portion.seen([]);
    expect(portion.count).toBe(4);
  });
});
