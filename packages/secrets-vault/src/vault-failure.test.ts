import { expect, it } from 'vitest';
import { replyFailure } from './vault-failure.ts';

const asked = { what: 'read the secret "db"', path: 'secret/data/dapr/db', capability: 'read', address: 'https://v' };
const reply = (status: number, ...errors: readonly string[]) => ({ status, text: JSON.stringify({ errors }) });

it.each([
  [
    reply(403, 'permission denied'),
    'invalid-argument',
    /path "secret\/data\/dapr\/db" \{ capabilities = \["read"\] \}/,
  ],
  [
    reply(403, '2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n'),
    'invalid-argument',
    /expired or was revoked/,
  ],
  [reply(503, 'Vault is sealed'), 'unavailable', /sealed; unseal it/],
  [reply(501), 'unavailable', /not initialized/],
  [reply(500, 'internal error'), 'unavailable', /status 500: internal error/],
  [reply(429, 'request path "x": rate limit quota exceeded'), 'unavailable', /too many requests: .*quota/],
  [reply(404, 'no handler for route "secret/data/dapr/db". route entry not found.'), 'invalid-argument', /enginePath/],
  [reply(400, 'missing client token'), 'invalid-argument', /status 400: missing client token/],
  [{ status: 200, text: '<html>' }, 'internal', /not of Vault/],
])('%j is %s', (answer, code, message) => {
  expect(replyFailure(answer, asked)).toMatchObject({ code, message: expect.stringMatching(message) });
});
