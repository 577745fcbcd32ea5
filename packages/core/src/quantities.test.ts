import { describe, expect, it } from 'vitest';
import { parseBoolean, parseByteSize, parseDuration } from './quantities.ts';

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['250', 250],
    ['1.5', 1.5],
    ['5s', 5000],
    ['1h30m', 5_400_000],
    ['1m0.5s', 60_500],
    ['.5s', 500],
    ['2.s', 2000],
    ['100us', 0.1],
    ['100µs', 0.1],
    ['100μs', 0.1],
    ['1500000ns', 1.5],
    ['-1m30s', -90_000],
    ['+10ms', 10],
    ['  3s ', 3000],
  ])('reads %j as %d milliseconds', (text, milliseconds) => {
    expect(parseDuration(text)).toBeCloseTo(milliseconds, 9);
  });

  it('counts a bare number in the unit the field asks for', () => {
    expect(parseDuration('10', 's')).toBe(10_000);
    expect(parseDuration('10ms', 's')).toBe(10);
  });

  it.each(['', ' ', '5 s', 's', '5d', '1h-30m', 'five', '5s!', '1e3', '.', '.s', 'Infinity', 'NaN'])(
    'does not take %j for a duration',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );
});

describe('parseByteSize', () => {
  it.each([
    ['0', 0],
    ['1024', 1024],
    ['64k', 64_000],
    ['64Ki', 65_536],
    ['4Mi', 4_194_304],
    ['4MiB', 4_194_304],
    ['1.5Gi', 1_610_612_736],
    ['2 mb', 2_000_000],
    ['1Ti', 2 ** 40],
  ])('reads %j as %d bytes', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  it.each(['', 'Mi', '-1', '1x', '1 2', '4MMi', '1,5k', '4constructor'])('does not take %j for a size', (text) => {
    expect(parseByteSize(text)).toBeUndefined();
  });
});

describe('parseBoolean', () => {
  it.each(['true', 'TRUE', 't', '1', 'y', 'Yes', 'on', ' true '])('%j is true', (text) => {
    expect(parseBoolean(text)).toBe(true);
  });

  it.each(['false', 'False', 'f', '0', 'n', 'NO', 'off', ''])('%j is false', (text) => {
    expect(parseBoolean(text)).toBe(false);
  });

  it.each(['maybe', '2', 'truth'])('%j is neither', (text) => {
    expect(parseBoolean(text)).toBeUndefined();
  });
});
