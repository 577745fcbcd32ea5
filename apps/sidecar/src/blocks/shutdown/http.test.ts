import { expect, test } from 'vitest';

import { serve } from '../../../test/served.ts';
import { shutdownRoutes } from './http.ts';

test('the process is asked to stop, in order or at once', async () => {
  const calls: string[] = [];
  const source = { shutdown: () => void calls.push('shutdown'), exitNow: () => void calls.push('exitNow') };
  const { url } = await serve({ routes: shutdownRoutes(source) });
  const post = async (headers: Record<string, string>) =>
    (await fetch(`${url}/v1.0/shutdown`, { method: 'POST', headers })).status;
  expect([
    await post({}),
    await post({ 'dapr-force-shutdown': 'TRUE' }),
    await post({ 'dapr-force-shutdown': 'no' }),
  ]).toEqual([204, 204, 204]);
  expect(calls).toEqual(['shutdown', 'exitNow', 'shutdown']);
});
