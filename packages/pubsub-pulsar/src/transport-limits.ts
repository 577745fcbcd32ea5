import { ComponentError, type MetadataOf } from '@outrigger/core';
import type { TransportName } from './address.ts';
import { pulsarFields } from './fields.ts';

type Metadata = MetadataOf<typeof pulsarFields>;
type Name = keyof Metadata;

/** The fields that a transport can do nothing with. */
const lacking: Readonly<Record<TransportName, readonly Name[]>> = {
  websocket: [
    'listenerName',
    'publicKey',
    'privateKey',
    'keys',
    'replicateSubscriptionState',
    'batchingMaxSize',
    'compressionLevel',
    'autoDiscoveryPeriod',
  ],
  native: ['webSocketURL', 'subscribeMode', 'compressionLevel', 'autoDiscoveryPeriod'],
};

/** Rejects fields that are set to something else than their default and that the transport cannot do. */
export function refuseWhatIsLacking(transport: TransportName, metadata: Metadata): void {
  const wanted = lacking[transport].filter((name) => {
    const preset: unknown = 'default' in pulsarFields[name] ? pulsarFields[name].default : undefined;
    return metadata[name] !== undefined && metadata[name] !== preset;
  });
  if (wanted.length === 0) return;
  const [other, how] =
    transport === 'native'
      ? (['websocket', 'set transport to websocket'] as const)
      : (['native', 'install the package pulsar-client and use transport native'] as const);
  const elsewhere = wanted.every((name) => !lacking[other].includes(name));
  throw new ComponentError(
    'invalid-argument',
    `the ${transport} transport cannot do ${wanted.join(', ')}: leave it out${elsewhere ? `, or ${how}` : ''}`,
  );
}
