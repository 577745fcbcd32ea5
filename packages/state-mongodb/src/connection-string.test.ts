import { describe, expect, it } from 'vitest';
import { connectionStringOf, setsOption } from './connection-string.ts';

const databaseName = 'daprStore';

describe('where the server is', () => {
  it('is what connectionString says, whatever else there is', () => {
    const connectionString = 'mongodb://a:1/?tls=true';
    expect(connectionStringOf({ connectionString, host: 'b', databaseName })).toBe(connectionString);
  });

  it('is a host or a DNS seed list, with options', () => {
    expect(connectionStringOf({ host: 'a:1,b:2', databaseName })).toBe('mongodb://a:1,b:2/daprStore');
    expect(connectionStringOf({ server: 'x.example', params: '?w=2', databaseName })).toBe(
      'mongodb+srv://x.example/daprStore?w=2',
    );
    expect(connectionStringOf({ host: 'a', params: 'tls=true', databaseName })).toBe('mongodb://a/daprStore?tls=true');
  });

  it('takes any character in a name and a password', () => {
    const login = { username: 'u@x', password: 'p:/?#%' };
    expect(connectionStringOf({ host: 'a', ...login, databaseName })).toBe(
      'mongodb://u%40x:p%3A%2F%3F%23%25@a/daprStore',
    );
  });

  it('is one place', () => {
    expect(() => connectionStringOf({ databaseName })).toThrow('set connectionString, or host, or server');
    expect(() => connectionStringOf({ host: 'a', server: 'b', databaseName })).toThrow('exclude each other');
    expect(() => connectionStringOf({ host: 'a', username: 'u', databaseName })).toThrow('go together');
  });
});

it('an option of the URI is found in any case, and only as an option', () => {
  expect(setsOption('mongodb://a/?RetryWrites=true&w=1', 'retryWrites')).toBe(true);
  expect(setsOption('mongodb://retryWrites/?x=retryWrites', 'retryWrites')).toBe(false);
});
