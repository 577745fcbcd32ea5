import { parseMetadata, silentLogger } from '@outrigger/core';
import { expect, it } from 'vitest';

import definition from './index.ts';

const { signal } = new AbortController();

function open(format: string) {
  const { values: metadata } = parseMetadata(definition.metadata, { format });
  const properties = { format };
  return definition.create({ name: '', metadata, properties, appId: 'a', namespace: '', logger: silentLogger, signal });
}

it.each([
  ['{appid}:7000', 'localhost', ['127.0.0.1:7000', '[::1]:7000']],
  ['{appid}', 'localhost', ['127.0.0.1:50002', '[::1]:50002']],
  ['10.0.0.{appid}:1', '7', ['10.0.0.7:1']],
])('%s with %s', async (format, appId, possible) => {
  const found = await (await open(format)).resolve({ appId, namespace: 'any', port: 50_002 }, signal);
  expect(found.length).toBeGreaterThan(0);
  for (const address of found) expect(possible).toContain(address);
});

it.each(['a/b', 'a:1', '', 'a b', 'a@b', 'a#b'])(
  'does not look for what cannot be in a host name: %s',
  async (appId) => {
    expect(await (await open('{appid}.localhost')).resolve({ appId, namespace: '', port: 1 }, signal)).toEqual([]);
  },
);

it.each(['example.org', '{appid}/x', '{appid} {appid}', '{appid}.{namespace}'])('refuses %s', async (format) => {
  await expect(open(format)).rejects.toThrow('format: expected');
});
