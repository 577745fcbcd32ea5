import { silentLogger } from '@outrigger/core';
import { expect, test } from 'vitest';

import { JwksValidator } from './jwks.ts';

test.each([
  ['http://keys.example/jwks', 1],
  ['http://127.0.0.1:8080/jwks', 0],
  ['http://localhost/jwks', 0],
  ['https://keys.example/jwks', 0],
])('keys from %s are warned of %d times', async (source, times) => {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (text: string) => void warnings.push(text) };
  await JwksValidator.open({ source, audience: 'spiffe://cluster.local/ns/dapr-system/dapr-sentry', logger });
  expect(warnings.filter((text) => text.includes(`in clear from ${source}`))).toHaveLength(times);
});
