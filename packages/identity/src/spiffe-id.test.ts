import { describe, expect, it } from 'vitest';

import { SpiffeId } from './spiffe-id.ts';

describe('SpiffeId', () => {
  it('of an app is read and written', () => {
    const id = SpiffeId.ofApp({ trustDomain: 'public', namespace: 'default', appId: 'shop.Orders_1' });
    expect(id.toString()).toBe('spiffe://public/ns/default/shop.Orders_1');
    expect(SpiffeId.parse(id.toString()).app).toEqual({
      trustDomain: 'public',
      namespace: 'default',
      appId: 'shop.Orders_1',
    });
  });

  it.each(['spiffe://td', 'spiffe://td/ns/a', 'spiffe://td/ns/a/b/c', 'spiffe://td/sa/a/b'])(
    '%s is an id, but no app’s',
    (text) => {
      const id = SpiffeId.parse(text);
      expect(id.app).toBeUndefined();
      expect(id.toString()).toBe(text);
    },
  );

  it.each([
    '',
    'https://td/ns/a/b',
    'SPIFFE://td/ns/a/b',
    'spiffe:///ns/a/b',
    'spiffe://TD/ns/a/b',
    'spiffe://td:443/ns/a/b',
    'spiffe://user@td/ns/a/b',
    'spiffe://td/',
    'spiffe://td/ns/a/b/',
    'spiffe://td/ns//b',
    'spiffe://td/ns/./b',
    'spiffe://td/ns/../b',
    'spiffe://td/ns/a/%62',
    'spiffe://td/ns/a/b?x=1',
    'spiffe://td/ns/a/b#x',
    'spiffe://td/ns/a/b\n',
    'spiffe://td/ns/a/ü',
    `spiffe://${'t'.repeat(256)}/ns/a/b`,
    `spiffe://td/ns/a/${'b'.repeat(2048)}`,
  ])('%j is refused', (text) => {
    expect(() => SpiffeId.parse(text)).toThrow(/not a SPIFFE id/);
  });

  it.each([
    { trustDomain: 'td', namespace: 'a/b', appId: 'c' },
    { trustDomain: 'td', namespace: 'a', appId: 'b/c' },
    { trustDomain: 'td', namespace: '..', appId: 'c' },
    { trustDomain: 'td', namespace: 'a', appId: '' },
    { trustDomain: 'td/x', namespace: 'a', appId: 'c' },
  ])('of an app with a part that would change its meaning is refused: %j', (app) => {
    expect(() => SpiffeId.ofApp(app)).toThrow(TypeError);
  });
});
