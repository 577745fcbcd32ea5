import { expect, it } from 'vitest';
import { awsAccess } from './access.ts';

it.each([
  [{ accessKey: 'AKIA' }, 'accessKey is set without secretKey'],
  [{ secretKey: 'hush' }, 'secretKey is set without accessKey'],
])('half of the keys is an error, not the login of the machine', (login, message) => {
  expect(() => awsAccess({ region: 'eu-west-1', ...login })).toThrow(message);
});

it('no keys at all leave it to the process where the credentials are from', () => {
  expect(awsAccess({ region: 'eu-west-1' }).credentials).toBeUndefined();
});
