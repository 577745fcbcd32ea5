import { expect, test } from 'vitest';

import { headerBytes, headerText } from './header-text.ts';

test('a header is read as UTF-8 where it is that, and as Latin-1 else', () => {
  expect(headerText('plain')).toBe('plain');
  expect(headerText(Buffer.from('Ätna').toString('latin1'))).toBe('Ätna');
  expect(headerText('Ätna')).toBe('Ätna');
  expect(headerText('łódź')).toBe('łódź');
});

test('a text goes out as UTF-8', () => {
  expect(headerBytes('plain')).toBe('plain');
  expect(Buffer.from(headerBytes('Ätna'), 'latin1').toString()).toBe('Ätna');
});
