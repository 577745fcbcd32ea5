import { describe, expect, it } from 'vitest';
import { publication } from './message-properties.ts';

const defaults = { persistent: true, ttlMs: undefined, canDelay: false };

describe('what metadata of a message means to the broker', () => {
  it('properties are taken by their names in any case, the rest are headers', () => {
    const metadata = { RoutingKey: 'r', messageId: 'm', correlationID: 'c', Type: 't', priority: '7', own: 'o' };
    expect(publication(metadata, defaults)).toEqual({
      routingKey: 'r',
      options: {
        contentType: 'text/plain',
        persistent: true,
        messageId: 'm',
        correlationId: 'c',
        type: 't',
        priority: 7,
        headers: { own: 'o' },
      },
    });
  });

  it.each([
    ['5', 5000],
    ['1m', 60_000],
    ['0.5', 500],
    ['0', 9000],
    ['-1', 9000],
    ['abc', 9000],
    ['99999999999', 4_294_967_295],
  ])('ttlInSeconds %s makes an expiration of %i ms', (ttlInSeconds, expiration) => {
    expect(publication({ ttlInSeconds }, { ...defaults, ttlMs: 9000 }).options.expiration).toBe(expiration);
  });

  it('a delay is a number in the headers, where the exchange can delay', () => {
    expect(publication({ 'x-delay': '250' }, { ...defaults, canDelay: true }).options.headers).toEqual({
      'x-delay': 250,
    });
    expect(() => publication({ 'x-delay': '250' }, defaults)).toThrow(/exchangeKind/);
    expect(() => publication({ 'x-delay': 'soon' }, { ...defaults, canDelay: true })).toThrow(/whole number/);
  });

  it('refuses what the broker would close the channel over', () => {
    expect(() => publication({ priority: '256' }, defaults)).toThrow(/priority/);
    expect(() => publication({ messageID: 'é'.repeat(200) }, defaults)).toThrow(/255/);
    expect(() => publication({ ['n'.repeat(300)]: '' }, defaults)).toThrow(/255/);
    expect(() => publication({ CC: 'x' }, defaults)).toThrow(/reserves/);
  });
});
