import { describe, expect, it } from 'vitest';
import { type AddressMetadata, brokerAddress, showAddress } from './broker-address.ts';

const read = (metadata: Partial<AddressMetadata>) =>
  brokerAddress({ hostname: 'localhost', saslExternal: false, ...metadata });

describe('where the broker is', () => {
  it('is the local one, as guest, when nothing is said', () => {
    expect(read({})).toMatchObject({
      protocol: 'amqp',
      hostname: 'localhost',
      port: 5672,
      vhost: '/',
      username: 'guest',
      password: 'guest',
    });
  });

  it('is read from a connection string, percent-encoded characters included', () => {
    const address = read({ connectionString: 'amqps://us%40er:p%2Fw@broker.example/a%2Fb' });
    expect(address).toMatchObject({ port: 5671, username: 'us@er', password: 'p/w', vhost: 'a/b' });
    expect(showAddress(address)).toBe('amqps://broker.example:5671/a%2Fb');
  });

  it('is read from single fields, with a port beside the host and an address of IPv6', () => {
    expect(read({ protocol: 'amqps', hostname: 'b:1', username: 'u', password: 'p%' })).toMatchObject({
      protocol: 'amqps',
      hostname: 'b',
      port: 1,
      username: 'u',
      password: 'p%',
    });
    expect(showAddress(read({ hostname: '[::1]:7' }))).toBe('amqp://[::1]:7/');
  });

  it.each<[Partial<AddressMetadata>, RegExp]>([
    [{ connectionString: 'secret' }, /connectionString is no URL/],
    [{ connectionString: 'http://u:secret@h' }, /must begin with amqp/],
    [{ connectionString: 'amqp://u:secret@h', protocol: 'amqps' }, /leave one out/],
    [{ connectionString: 'amqp://u:secret%@h' }, /%25/],
    [{ hostname: 'a b' }, /hostname/],
    [{ saslExternal: true, protocol: 'amqps' }, /saslExternal needs/],
    [{ clientCert: 'x', protocol: 'amqps' }, /clientKey is missing/],
    [{ caCert: 'x' }, /caCert needs TLS/],
  ])('refuses what cannot be meant, without the secret: %o', (metadata, message) => {
    expect(() => read(metadata)).toThrow(message);
    expect(() => read(metadata)).not.toThrow(/secret/);
  });
});
