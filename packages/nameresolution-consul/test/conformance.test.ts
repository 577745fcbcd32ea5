import { nameResolverConformance } from '@outrigger/conformance/name-resolution';
import { type NameResolver, parseMetadata, silentLogger } from '@outrigger/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import hashicorp from '../src/hashicorp.ts';
import consul from '../src/index.ts';
import { FakeAgent } from './fake-agent.ts';

const { signal } = new AbortController();
let agent: FakeAgent;
beforeAll(async () => {
  agent = await FakeAgent.start();
});
beforeEach(() => {
  agent.requests.length = 0;
  agent.token = undefined;
});
afterAll(() => agent[Symbol.asyncDispose]());

function open(properties: Record<string, string> = {}, definition: typeof consul = consul): Promise<NameResolver> {
  const all = { client: JSON.stringify({ Address: agent.address }), ...properties };
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

nameResolverConformance(() => open({ selfRegister: 'true' }), { ignoresNamespaces: true });

const orders = { appId: 'orders', namespace: '', host: '10.1.2.3', port: 4711 };
const request = { appId: 'orders', namespace: '', port: 1 };

describe('the agent', () => {
  it('is told what Dapr tells it, with a check of the port that peers use', async () => {
    await using resolver = await open(
      { selfRegister: 'true', tags: '["blue"]', meta: '{"team": "canoes"}' },
      hashicorp,
    );
    await using _ = await resolver.register?.(orders, signal);
    expect(agent.services.get('orders-10.1.2.3-4711')).toEqual({
      ID: 'orders-10.1.2.3-4711',
      Name: 'orders',
      Address: '10.1.2.3',
      Port: 4711,
      Tags: ['blue'],
      Meta: { team: 'canoes', DAPR_PORT: '4711' },
      Checks: [
        {
          CheckID: 'daprHealth:orders-10.1.2.3-4711',
          Name: 'Dapr Health Status',
          TCP: '10.1.2.3:4711',
          Interval: '15s',
        },
      ],
    });
    expect(await resolver.resolve(request, signal)).toEqual(['10.1.2.3:4711']);
  });

  it('is asked for healthy instances, from its cache, with what queryOptions say', async () => {
    await using resolver = await open({ queryOptions: '{"datacenter": "dc2", "AllowStale": true}' });
    expect(resolver.register).toBeUndefined();
    await resolver.resolve({ ...request, appId: 'a/b' }, signal);
    expect(agent.requests).toEqual(['GET /v1/health/service/a%2Fb?passing=true&cached=&dc=dc2&stale=']);
  });

  it('keeps the registration where selfDeregister is off, and takes a whole one', async () => {
    const own = '{"id": "mine", "address": "10.9.9.9", "port": 1, "meta": {"x": "y"}}';
    {
      await using resolver = await open({ selfRegister: 'true', selfDeregister: 'false', advancedRegistration: own });
      await resolver.register?.(orders, signal);
    }
    const { services } = agent;
    expect(services.get('mine')).toEqual({
      ID: 'mine',
      Name: 'orders',
      address: '10.9.9.9',
      port: 1,
      Meta: { x: 'y', DAPR_PORT: '4711' },
    });
    services.delete('mine');
  });

  it('that refuses the token says so, and the token is not in the message', async () => {
    agent.token = 'right';
    const client = JSON.stringify({ address: agent.address, token: 'wrong-token' });
    await using resolver = await open({ client });
    const error = await resolver.resolve(request, signal).catch((caught: unknown) => caught as Error);
    expect(String(error)).toContain('check the token in client');
    expect(String(error)).not.toContain('wrong-token');
    await using welcome = await open({ client: client.replace('wrong-token', 'right') });
    expect(await welcome.resolve(request, signal)).toEqual([]);
  });

  it('that is not there is told by its address', async () => {
    await using resolver = await open({ client: '{"address": "127.0.0.1:1"}' });
    await expect(resolver.resolve(request, signal)).rejects.toThrow('the Consul agent at http://127.0.0.1:1');
  });

  it('has instances that are no sidecars, which is said', async () => {
    agent.services.set('x', { ID: 'x', Name: 'plain', Address: '', Meta: {} });
    await using resolver = await open();
    await expect(resolver.resolve({ ...request, appId: 'plain' }, signal)).rejects.toThrow(
      'has DAPR_PORT in its metadata',
    );
  });
});

it.each([
  [{ client: '[]' }, 'client: expected an object'],
  [{ checks: '{}' }, 'checks: expected a list'],
  [{ meta: 'x' }, 'meta: expected an object or a list'],
  [{ client: '{"address": "not an address"}' }, 'client: address has to be host:port'],
])('refuses %j', async (properties, message) => {
  await expect(open(properties as Record<string, string>)).rejects.toThrow(message);
});
