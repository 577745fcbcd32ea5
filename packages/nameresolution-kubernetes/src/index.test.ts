import { parseMetadata, silentLogger } from '@outrigger/core';
import { describe, expect, it } from 'vitest';

import definition from './index.ts';
import { ServiceName } from './service-name.ts';

const { signal } = new AbortController();
const usual = '{{.ID}}-dapr.{{.Namespace}}.svc.cluster.local:{{.Port}}';

function open(properties: Record<string, string> = {}) {
  const { values: metadata } = parseMetadata(definition.metadata, properties);
  return definition.create({ name: '', metadata, properties, appId: 'a', namespace: '', logger: silentLogger, signal });
}

describe('the service of an app', () => {
  it.each([
    ['in its namespace', usual, 'shop', 'orders-dapr.shop.svc.cluster.local', 50_002],
    ['in the default namespace', usual, '', 'orders-dapr.default.svc.cluster.local', 50_002],
    ['by another template', '{{.Namespace}}-{{ .ID }}.mesh:{{.Port}}', 'shop', 'shop-orders.mesh', 50_002],
    ['by a template with a port', '{{.ID}}.mesh:7000', 'shop', 'orders.mesh', 7000],
    ['by a template without one', '{{.ID}}.mesh', 'shop', 'orders.mesh', 50_002],
  ])('%s', (_, template, namespace, host, port) => {
    expect(new ServiceName(template).of({ appId: 'orders', namespace, port: 50_002 })).toEqual({ host, port });
  });

  it.each(['a.b', 'a/b', 'a:1', '', '-a', 'a b', 'a@b'])('has no name for what is no label: %s', (appId) => {
    expect(new ServiceName(usual).of({ appId, namespace: 'shop', port: 1 })).toBeUndefined();
  });
});

it('is looked up in DNS', async () => {
  const resolver = await open({ template: '{{.ID}}:{{.Port}}' });
  const [address] = await resolver.resolve({ appId: 'localhost', namespace: '', port: 7 }, signal);
  expect(['127.0.0.1:7', '[::1]:7']).toContain(address);
  expect(await resolver.resolve({ appId: 'a.b', namespace: '', port: 7 }, signal)).toEqual([]);
});

it.each(['no-id.svc', '{{.ID}}/x', '{{.ID}}.{{.Nonsense}}'])('refuses the template %s', async (template) => {
  await expect(open({ template })).rejects.toThrow('template: expected');
});
