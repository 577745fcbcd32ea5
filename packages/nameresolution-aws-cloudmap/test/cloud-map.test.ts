import { randomUUID } from 'node:crypto';

import { ServiceDiscovery } from '@aws-sdk/client-servicediscovery';
import { type NameResolver, parseMetadata, silentLogger } from '@outrigger/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import definition from '../src/index.ts';

const address = process.env['OUTRIGGER_TEST_AWS'];
const missing = 'OUTRIGGER_TEST_AWS is not set: start a moto server with eval "$(e2e/backends/up.sh aws)"';
if (!address && process.env['CI']) throw new Error(missing);
if (!address) console.warn(`SKIPPED: AWS Cloud Map: ${missing}`);

const { signal } = new AbortController();
const login = {
  accessKey: 'AKIATESTING',
  secretKey: 'testing-secret',
  region: 'us-east-1',
  endpoint: `http://${address}`,
};

function open(properties: Record<string, string>): Promise<NameResolver> {
  const all = { ...login, ...properties };
  const { values: metadata } = parseMetadata(definition.metadata, all);
  return definition.create({
    name: '',
    metadata,
    properties: all,
    appId: 'a',
    namespace: '',
    logger: silentLogger,
    signal,
  });
}

describe.skipIf(!address)('AWS Cloud Map', () => {
  const client = new ServiceDiscovery({
    endpoint: login.endpoint,
    region: login.region,
    credentials: { accessKeyId: login.accessKey, secretAccessKey: login.secretKey },
    disableHostPrefix: true,
  });
  const namespaceName = `shop-${randomUUID().slice(0, 8)}`;
  let namespaceId: string;

  beforeAll(async () => {
    const { OperationId = '' } = await client.createHttpNamespace({ Name: namespaceName });
    const { Operation } = await client.getOperation({ OperationId });
    namespaceId = Operation?.Targets?.NAMESPACE ?? '';
    const { Service } = await client.createService({ Name: 'orders', NamespaceId: namespaceId });
    const instances = [
      { AWS_INSTANCE_IPV4: '10.0.0.1', DAPR_PORT: '4711' },
      { AWS_INSTANCE_IPV4: '10.0.0.2', AWS_INSTANCE_PORT: '8080' },
    ];
    for (const [index, Attributes] of instances.entries()) {
      await client.registerInstance({ ServiceId: Service?.Id ?? '', InstanceId: `i-${index}`, Attributes });
    }
  });
  afterAll(() => client.destroy());

  const resolve = async (resolver: NameResolver, appId: string) =>
    [...(await resolver.resolve({ appId, namespace: 'any', port: 50_002 }, signal))].toSorted();

  it('gives the instances of the service that has the app’s id', async () => {
    await using byName = await open({ namespaceName });
    expect(await resolve(byName, 'orders')).toEqual(['10.0.0.1:4711', '10.0.0.2:50002']);
    await using byId = await open({ namespaceId, defaultDaprPort: '7000' });
    expect(await resolve(byId, 'orders')).toEqual(['10.0.0.1:4711', '10.0.0.2:7000']);
  });

  it('knows nobody by a name that it does not have', async () => {
    await using resolver = await open({ namespaceName });
    expect(await resolve(resolver, 'nobody')).toEqual([]);
  });

  it('says which namespace is not there', async () => {
    await expect(open({ namespaceId: 'ns-nowhere' })).rejects.toThrow(
      'namespaceId: Cloud Map has no namespace "ns-nowhere"',
    );
  });

  it('ends a look-up that nobody waits for, and answers nothing once it is closed', async () => {
    const resolver = await open({ namespaceName });
    const request = { appId: 'orders', namespace: '', port: 1 };
    await expect(resolver.resolve(request, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    await resolver[Symbol.asyncDispose]();
    await expect(resolver.resolve(request, signal)).rejects.toThrow('closed');
  });
});

it('needs a namespace', async () => {
  await expect(open({})).rejects.toThrow('namespaceName is missing');
});
