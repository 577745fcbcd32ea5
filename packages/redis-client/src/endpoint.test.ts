import { parseMetadata } from '@outrigger/core';
import { describe, expect, it } from 'vitest';
import { endpoints, showEndpoint, tlsOptions } from './endpoint.ts';
import { redisFields } from './fields.ts';

const parse = (properties: Readonly<Record<string, string>>) => parseMetadata(redisFields, properties).values;
const shown = (properties: Readonly<Record<string, string>>) => endpoints(parse(properties)).map(showEndpoint);

describe('the addresses in redisHost', () => {
  it.each([
    [{ redisHost: 'localhost' }, ['localhost:6379']],
    [{ redisHost: 'localhost', redisPort: '6380' }, ['localhost:6380']],
    [{ redisHost: 'localhost:6380' }, ['localhost:6380']],
    [{ redisHost: 'localhost:6380', redisPort: '6380' }, ['localhost:6380']],
    [{ redisHost: 'a:1, b:2 ,c' }, ['a:1', 'b:2', 'c:6379']],
    [{ redisHost: 'a,b', failover: 'true' }, ['a:26379', 'b:26379']],
    [{ redisHost: '[::1]:6380' }, ['[::1]:6380']],
    [{ redisHost: '::1' }, ['[::1]:6379']],
  ])('%o are %j', (properties, addresses) => {
    expect(shown(properties)).toEqual(addresses);
  });

  it.each(['a:b', 'a:99999', 'a:1:2', 'redis://a:1', ':6379'])('cannot be %s', (redisHost) => {
    expect(() => shown({ redisHost })).toThrow('redisHost');
  });
});

describe('TLS', () => {
  it('is off unless asked for', () => {
    expect(tlsOptions(parse({ redisHost: 'a' }), 'a')).toBeUndefined();
  });

  it('checks the certificate against the name, which addresses do not have', () => {
    const metadata = parse({ redisHost: 'a', enableTLS: 'true' });
    expect(tlsOptions(metadata, 'redis.example')).toEqual({ rejectUnauthorized: true, servername: 'redis.example' });
    expect(tlsOptions(metadata, '10.0.0.1')).toEqual({ rejectUnauthorized: true });
  });
});
