import { describe, expect, it } from 'vitest';
import { outgoingMessage } from './publish-metadata.ts';

const data = new Uint8Array();

describe('metadata of a publish', () => {
  it('steers the message by three names, and the rest travels with it', () => {
    const metadata = {
      partitionKey: 'k',
      deliverAt: '2030-01-01T00:00:00.5+01:00',
      deliverAfter: '1m30s',
      a: '1',
      b: '',
    };
    expect(outgoingMessage(data, metadata)).toEqual({
      data,
      key: 'k',
      deliverAt: Date.UTC(2029, 11, 31, 23, 0, 0, 500),
      deliverAfterMs: 90_000,
      properties: { a: '1', b: '' },
    });
    expect(outgoingMessage(data, { partitionKey: '', deliverAt: '', deliverAfter: '' })).toEqual({
      data,
      properties: {},
    });
  });

  it.each([
    ['deliverAt', 'tomorrow'],
    ['deliverAt', '2030-01-01'],
    ['deliverAt', '1893456000000'],
    ['deliverAfter', '10'],
    ['deliverAfter', 'soon'],
  ])('refuses %s: %s', (name, value) => {
    expect(() => outgoingMessage(data, { [name]: value })).toThrow(name);
  });
});
