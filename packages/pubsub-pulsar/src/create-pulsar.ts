import { ComponentError, type CreateContext } from '@outrigger/core';
import { resolveAddress } from './address.ts';
import type { pulsarFields } from './fields.ts';
import { loginOf } from './login.ts';
import { loadNativeModule } from './native-client.ts';
import { NativeTransport } from './native-transport.ts';
import { PulsarPubSub } from './pulsar-pubsub.ts';
import { refuseWhatIsLacking } from './transport-limits.ts';
import { topicSchemas } from './topic-schemas.ts';
import type { Transport } from './transport.ts';
import { WebSocketTransport } from './web-socket-transport.ts';

type Context = CreateContext<typeof pulsarFields>;

/** Resolves once Pulsar has answered and accepted the login. */
export async function createPulsar(context: Context): Promise<PulsarPubSub> {
  const { metadata, properties, appId, logger, signal } = context;
  const schemas = await topicSchemas(properties);
  const transport = await createTransport(context);
  try {
    await transport.check(signal);
  } catch (error) {
    await transport[Symbol.asyncDispose]();
    throw error;
  }
  const { tenant, namespace, persistent } = metadata;
  return new PulsarPubSub(
    transport,
    {
      tenant,
      namespace,
      persistent,
      schemas,
      consumerId: metadata.consumerID ?? appId,
      subscription: {
        type: metadata.subscribeType,
        isSync: metadata.processMode === 'sync',
        initialPosition: metadata.subscribeInitialPosition,
        durable: metadata.subscribeMode === 'durable',
        topicsPattern: metadata.topicsPattern,
        maxConcurrentHandlers: metadata.maxConcurrentHandlers,
        receiverQueueSize: metadata.receiverQueueSize,
        redeliveryDelayMs: metadata.redeliveryDelay,
        replicateSubscriptionState: metadata.replicateSubscriptionState,
      },
    },
    logger,
  );
}

async function createTransport({ metadata, logger }: Context): Promise<Transport> {
  const native = metadata.transport === 'websocket' ? undefined : await loadNativeModule();
  const { transport, url } = resolveAddress(metadata, native !== undefined);
  refuseWhatIsLacking(transport, metadata);
  const { tenant, namespace, caCert: ca, clientCert: cert, clientKey: key, compressionType } = metadata;
  if ((cert === undefined) !== (key === undefined)) {
    throw new ComponentError('invalid-argument', 'clientCert and clientKey belong together: set both, or none');
  }
  const login = loginOf(metadata);
  const producer = {
    batching: !metadata.disableBatching,
    batchingMaxMessages: metadata.batchingMaxMessages,
    batchingMaxPublishDelayMs: metadata.batchingMaxPublishDelay,
    compressionType,
  };
  if (transport === 'websocket') {
    const authorization = async () => (login ? `Bearer ${await login()}` : undefined);
    return new WebSocketTransport(
      { address: url, authorization, ca, cert, key, tenant, namespace, ...producer },
      logger,
    );
  }
  if (!native) throw new ComponentError('invalid-argument', 'transport native needs the package pulsar-client');
  return new NativeTransport(
    native,
    {
      ...producer,
      serviceUrl: url,
      tenant,
      namespace,
      login,
      listenerName: metadata.listenerName,
      ca,
      cert,
      key,
      batchingMaxSize: metadata.batchingMaxSize,
      publicKey: metadata.publicKey,
      privateKey: metadata.privateKey,
      encryptionKeys: metadata.keys ?? [],
    },
    logger,
  );
}
