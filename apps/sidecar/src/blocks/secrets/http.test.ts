import { expect, test } from 'vitest';

import { blocks } from '../../../test/map-stores.ts';
import { serve } from '../../../test/served.ts';
import { secretRoutes } from './http.ts';

test.each([
  ['vault/db', 200, { user: 'u', password: 'p' }],
  ['vault/bulk', 200, { db: { user: 'u', password: 'p' } }],
  [
    'vault/none',
    500,
    {
      errorCode: 'ERR_SECRET_GET',
      message: 'failed getting secret with key none from secret store vault: secret none not found',
    },
  ],
  [
    'vault/closed',
    403,
    { errorCode: 'ERR_PERMISSION_DENIED', message: 'access denied by policy to get "closed" from "vault"' },
  ],
  ['safe/db', 401, { errorCode: 'ERR_SECRET_STORE_NOT_FOUND', message: 'failed finding secret store with key safe' }],
])('GET /v1.0/secrets/%s answers %i', async (path, status, body) => {
  const { url } = await serve({ routes: secretRoutes(blocks()) });
  const answer = await fetch(`${url}/v1.0/secrets/${path}`);
  expect(answer.status).toBe(status);
  const text = await answer.text();
  expect(text === '' ? undefined : JSON.parse(text)).toEqual(body);
});
