import { type CallContext, type Service, unary } from '@outrigger/grpc';
import type { SecretStore } from '@outrigger/core';
import { SecretStoreDefinition } from '@outrigger/protocol/components';
import { capabilitiesOf } from '@outrigger/runtime';

import { failureStatus } from './failure-status.ts';
import { type Instances, unsupported } from './instances.ts';

export function secretServices(instances: Instances<'secrets'>): readonly Service[] {
  const { fullName: name, methods } = SecretStoreDefinition;
  const on = async <T>(
    context: CallContext,
    run: (store: SecretStore, signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const store = await instances.of(context);
    try {
      return await run(store, context.signal);
    } catch (error) {
      throw failureStatus(error, instances.logger);
    }
  };
  return [
    {
      name,
      methods: [
        unary(methods.init, async ({ metadata }, context) => {
          await instances.init(metadata?.properties ?? {}, context);
          return {};
        }),
        unary(methods.features, async (_, context) => ({
          features: capabilitiesOf('secrets', await instances.of(context)),
        })),
        unary(methods.ping, () => ({})),
        // A secret that is not there has no data: Dapr answers that with 204.
        unary(methods.get, ({ key, metadata }, context) =>
          on(context, async (store, signal) => ({ data: { ...(await store.get({ name: key, metadata }, signal)) } })),
        ),
        unary(methods.bulkGet, ({ metadata }, context) =>
          on(context, async (store, signal) => {
            if (store.getAll === undefined) throw unsupported('listing its secrets');
            const all = await store.getAll({ metadata }, signal);
            const entries = Object.entries(all).map(
              ([secret, secrets]) => [secret, { secrets: { ...secrets } }] as const,
            );
            return { data: Object.fromEntries(entries) };
          }),
        ),
      ],
    },
  ];
}
