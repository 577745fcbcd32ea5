import { describe, expect, it } from 'vitest';
import { parseConnectionString } from './connection-string.ts';

describe('a connection string', () => {
  it.each([
    ['host=localhost user=postgres port=5432 connect_timeout=10 database=dapr_test', { connect_timeout: '10' }],
    [' host = localhost  user=postgres port=5432 dbname=dapr_test ', {}],
    [
      String.raw`host=localhost user=postgres port=5432 dbname=dapr_test password='it\'s a \\ secret'`,
      { password: String.raw`it's a \ secret` },
    ],
    [String.raw`host=localhost user=postgres port=5432 dbname=dapr_test password=a\ b`, { password: 'a b' }],
    ["host=localhost user=postgres port=5432 dbname=dapr_test password=''", { password: '' }],
    ['postgres://postgres@localhost:5432/dapr_test', {}],
    [
      'postgresql://postgres:p%40ss%2Fw:rd+1@localhost:5432/dapr_test?sslmode=require',
      { password: 'p@ss/w:rd+1', sslmode: 'require' },
    ],
    ['postgres:///dapr_test?host=localhost&port=5432&user=postgres', {}],
  ])('is read as libpq reads it: %s', (text, more) => {
    const common = { host: 'localhost', user: 'postgres', port: '5432', dbname: 'dapr_test' };
    expect(parseConnectionString(text)).toEqual({ ...common, ...more });
  });

  it('may name an IPv6 address', () => {
    expect(parseConnectionString('postgres://[::1]:5433/x')).toEqual({ host: '::1', port: '5433', dbname: 'x' });
  });

  it.each(['host=a,b', 'postgres://a:1,b:2/x'])('with several hosts is refused: %s', (text) => {
    expect(() => parseConnectionString(text)).toThrow(/only one host/);
  });

  it.each(['just words secret', "host=a password='secret", 'postgres://u:sec%ret@h/x', 'postgres://u:se/cret@h@x/'])(
    'that cannot be read is refused without being shown: %s',
    (text) => {
      expect(() => parseConnectionString(text)).toThrow(/^connectionString: (?!.*se.?.?cret)/);
    },
  );
});
