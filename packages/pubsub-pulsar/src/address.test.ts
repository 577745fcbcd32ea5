import { describe, expect, it } from 'vitest';
import { resolveAddress } from './address.ts';

const resolve = (host: string, more: object = {}, installed = false) =>
  resolveAddress({ host, enableTLS: false, ...more }, installed);

describe('the address of Pulsar', () => {
  it.each([
    ['localhost:8080', 'ws://localhost:8080'],
    ['http://localhost:8080/', 'ws://localhost:8080'],
    ['https://pulsar.example', 'wss://pulsar.example'],
    ['ws://localhost:8080', 'ws://localhost:8080'],
    ['wss://localhost:8443', 'wss://localhost:8443'],
    ['[::1]:8080', 'ws://[::1]:8080'],
  ])('%s is %s to the WebSocket transport', (host, url) => {
    expect(resolve(host)).toEqual({ transport: 'websocket', url });
  });

  it.each([
    ['localhost:6650', 'pulsar://localhost:6650'],
    ['pulsar://a:6650,b:6650', 'pulsar://a:6650,b:6650'],
    ['pulsar+ssl://localhost:6651', 'pulsar+ssl://localhost:6651'],
    ['http://localhost:8080', 'http://localhost:8080'],
  ])('%s is %s to the native transport, which is taken where it is installed', (host, url) => {
    expect(resolve(host, {}, true)).toEqual({ transport: 'native', url });
  });

  it('enableTLS decides where the address has no scheme', () => {
    expect(resolve('localhost:8443', { enableTLS: true }).url).toBe('wss://localhost:8443');
    expect(resolve('localhost:6651', { enableTLS: true }, true).url).toBe('pulsar+ssl://localhost:6651');
    expect(resolve('http://localhost:8080', { enableTLS: true }).url).toBe('ws://localhost:8080');
  });

  it('a WebSocket address chooses its transport, and the field transport wins over what is installed', () => {
    expect(resolve('ws://localhost:8080', {}, true).transport).toBe('websocket');
    expect(resolve('http://localhost:8080', { transport: 'websocket' }, true).transport).toBe('websocket');
  });

  it.each(['localhost:6650', 'localhost', 'pulsar://localhost:6650', 'pulsar+ssl://localhost:6651'])(
    'the binary address %s is refused by the WebSocket transport, unless webSocketURL is set',
    (host) => {
      expect(() => resolve(host)).toThrow(/host .*binary protocol.*webSocketURL/);
      expect(resolve(host, { webSocketURL: 'ws://localhost:8080' }).url).toBe('ws://localhost:8080');
    },
  );

  it('says what is wrong with an address, without repeating it', () => {
    expect(() => resolve('ftp://user:hunter2@x')).toThrow(/^host must be host:port/);
    expect(() => resolve('http://user:hunter2@x:8080')).toThrow(/^host must be host:port/);
    expect(() => resolve('localhost:6650', { webSocketURL: 'pulsar://x:6650' })).toThrow(/webSocketURL must be/);
    expect(() => resolve('ws://x:1', { transport: 'native' }, true)).toThrow(/set transport to websocket/);
    expect(() => resolve('x:6650', { transport: 'native' })).toThrow(/npm install pulsar-client/);
  });
});
