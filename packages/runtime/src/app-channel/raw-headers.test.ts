import { describe, expect, it } from 'vitest';

import { headersOf } from './raw-headers.ts';

const any = (): boolean => true;

describe('headers as they came', () => {
  it('are found by their names in lower case', () => {
    expect(headersOf(['X-One', '1', 'x-two', '2'], any)).toEqual({ 'x-one': '1', 'x-two': '2' });
  });

  it('keep all values of one name, in their order', () => {
    expect(headersOf(['x', '1', 'y', '2', 'X', '3', 'x', '4'], any)).toEqual({ x: ['1', '3', '4'], y: '2' });
  });

  it('may be named as what every object has', () => {
    const headers = headersOf(['constructor', '1', '__proto__', '2', '__proto__', '3', 'constructor', '4'], any);
    expect(headers).toEqual({ constructor: ['1', '4'] });
    expect(Object.getPrototypeOf(headers)).toBe(Object.prototype);
  });

  it('are left out where nobody wants them', () => {
    expect(headersOf(['Host', 'a', 'x', '1'], (name) => name !== 'host')).toEqual({ x: '1' });
  });
});
