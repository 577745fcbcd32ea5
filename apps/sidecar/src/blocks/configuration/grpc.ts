import { PassThrough } from 'node:stream';

import type { ConfigurationItems } from '@outrigger/core';
import {
  DaprDefinition,
  type GetConfigurationRequest,
  type SubscribeConfigurationRequest,
  type SubscribeConfigurationResponse,
  type UnsubscribeConfigurationRequest,
} from '@outrigger/protocol/runtime';
import type { Runtime } from '@outrigger/runtime';

import { type CallContext, type ServiceMethod, stream, unary } from '@outrigger/grpc';
import { unsubscribe } from './unsubscribe.ts';

const { methods } = DaprDefinition;

/** The methods of the configuration building block. */
export function configurationMethods(runtime: Pick<Runtime, 'configurationStore'>): ServiceMethod[] {
  const storeOf = ({ storeName }: { readonly storeName: string }) => runtime.configurationStore(storeName);

  const get = async (request: GetConfigurationRequest, { signal }: CallContext) => ({
    items: await storeOf(request).get(request.keys, request.metadata, signal),
  });

  /** The id first, then changes as they come, until the caller has gone or the subscription ends. */
  async function* subscribe(
    requests: AsyncIterable<SubscribeConfigurationRequest>,
    { signal }: CallContext,
  ): AsyncGenerator<SubscribeConfigurationResponse> {
    for await (const request of requests) {
      // one change waits for the caller to take it; the store holds back the others
      const changes = new PassThrough({ objectMode: true, highWaterMark: 1 });
      const told = (items: ConfigurationItems) =>
        new Promise<void>((resolve) => {
          if (changes.writable) changes.write(items, () => resolve());
          else resolve();
        });
      await using subscription = await storeOf(request).subscribe(request.keys, request.metadata, told, signal);
      const end = () => void changes.end();
      signal.addEventListener('abort', end, { once: true });
      void subscription.ended.then(end);
      if (signal.aborted) return;
      const { id } = subscription;
      yield { id, items: {} };
      for await (const items of changes as AsyncIterable<ConfigurationItems>) yield { id, items };
      return;
    }
  }

  // An unknown store is a failure like others here; over HTTP it is an error. Both as in Dapr.
  const end = (request: UnsubscribeConfigurationRequest) => unsubscribe(() => storeOf(request), request.id);

  const [stable, alpha] = ['v1', 'v1alpha1'].map((version) => ({ name: 'configuration', version }));
  return [
    unary(methods.getConfiguration, get, stable),
    stream(methods.subscribeConfiguration, subscribe, stable),
    unary(methods.unsubscribeConfiguration, end, stable),
    unary(methods.getConfigurationAlpha1, get, alpha),
    stream(methods.subscribeConfigurationAlpha1, subscribe, alpha),
    unary(methods.unsubscribeConfigurationAlpha1, end, alpha),
  ];
}
