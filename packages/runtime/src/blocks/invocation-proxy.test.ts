import { ComponentError, retry } from '@outrigger/core';
import { expect, it } from 'vitest';

import type { AppChannel } from '../app-channel/app-channel.ts';
import { createInvocation } from './invocation-block.ts';
import type { InvocationOptions, ProxyHop } from './invocation.ts';

const never = new AbortController().signal;
const answer = { code: undefined, isFinal: false, cancel: () => {} };
const request = { target: 'orders', method: '/shop.v1.Orders/Get', metadata: {} };

function block(options: Partial<InvocationOptions> = {}, addresses: () => string[] = () => ['one', 'two']) {
  let lookups = 0;
  const invocation = createInvocation({
    appId: 'checkout',
    namespace: '',
    policies: {
      generation: 0,
      app: () => undefined,
      hasApp: () => false,
      serviceRetry: retry({ maxRetries: 1, duration: 1 }),
    },
    resolver: {
      resolve: async () => {
        lookups++;
        return addresses();
      },
      [Symbol.asyncDispose]: async () => {},
    },
    ...options,
  });
  return { invocation, lookups: () => lookups };
}

const down = new ComponentError('unavailable', 'nobody there');

it('goes to the sidecars of the app in turn, with who calls whom and without what ends here', async () => {
  const { invocation, lookups } = block();
  const hops: ProxyHop[] = [];
  const metadata = { 'x-own': 'mine', 'dapr-api-token': 'secret', 'dapr-caller-app-id': 'somebody' };
  for (let turn = 0; turn < 3; turn++) {
    await invocation.proxy({ ...request, metadata }, async (hop) => (hops.push(hop), answer), never);
  }
  expect(hops.map(({ address }) => address)).toEqual(['one', 'two', 'one']);
  expect(hops[0]?.metadata).toEqual({
    'x-own': 'mine',
    'dapr-app-id': 'orders',
    'dapr-caller-app-id': 'checkout',
    'dapr-caller-namespace': 'default',
    'dapr-callee-app-id': 'orders',
  });
  expect(lookups()).toBe(1);
});

it('looks addresses up anew when none answers, and finds who has come', async () => {
  let addresses = ['gone'];
  const { invocation } = block({}, () => addresses);
  const tried: (string | undefined)[] = [];
  const called = await invocation.proxy(
    request,
    async ({ address }) => {
      tried.push(address);
      addresses = ['here'];
      if (address === 'gone') throw down;
      return answer;
    },
    never,
  );
  expect(called).toBe(answer);
  expect(tried).toEqual(['gone', 'here']);
});

it('is UNAVAILABLE when no sidecar could be reached', async () => {
  const { invocation } = block();
  await expect(invocation.proxy(request, () => Promise.reject(down), never)).rejects.toMatchObject({
    grpcStatus: 'UNAVAILABLE',
    message: 'failed to invoke, id: orders, err: failed to invoke target orders after 1 retries. Error: nobody there',
  });
});

it('stays in this process for the own app, which must be there and healthy', async () => {
  const own = { ...request, target: 'checkout' };
  const toOwn = (options: Partial<InvocationOptions>) =>
    block(options).invocation.proxy(own, async (hop) => ({ ...answer, hop }), never);
  const app = {} as AppChannel;
  const { hop } = await toOwn({ app });
  expect(hop.address).toBeUndefined();
  expect(hop.metadata).toMatchObject({ 'dapr-caller-app-id': 'checkout', 'dapr-callee-app-id': 'checkout' });
  await expect(toOwn({})).rejects.toMatchObject({ grpcStatus: 'UNAVAILABLE' });
  await expect(toOwn({ app, isAppHealthy: () => false })).rejects.toThrow('app is not in a healthy state');
});

it('takes a call of a peer for the own app alone, and believes the last sidecar on its way', () => {
  const { invocation } = block({ app: {} as AppChannel });
  const metadata = { 'dapr-caller-app-id': ['forged', 'orders'], 'dapr-app-id': 'checkout', 'dapr-api-token': 'x' };
  expect(invocation.proxyFromPeer({ metadata, target: 'checkout', method: '/a.B/C' }, undefined)).toEqual({
    metadata: { 'dapr-caller-app-id': 'orders' },
  });
  expect(() => invocation.proxyFromPeer({ metadata: {}, target: 'payments', method: '/a.B/C' }, undefined)).toThrow(
    'this is the sidecar of checkout',
  );
});
