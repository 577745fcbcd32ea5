import { ComponentError, type Logger, type PubSub } from '@outrigger/core';
import { KafkaPubSub } from './kafka-pubsub.ts';
import { clientSettings, type KafkaMetadata, pubSubSettings } from './kafka-settings.ts';
import { PlatformaticClient } from './platformatic-client.ts';

export interface ConnectContext {
  readonly appId: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Resolves once a broker has answered; nothing stays behind when it rejects. */
export async function connectKafka(
  metadata: KafkaMetadata,
  { appId, logger, signal }: ConnectContext,
): Promise<PubSub> {
  const settings = clientSettings(metadata, logger);
  const messaging = pubSubSettings(metadata, appId);
  const connecting = PlatformaticClient.connect(settings);
  const aborted = new Promise<never>((_, reject) => {
    const abort = () =>
      reject(
        new ComponentError(
          'unavailable',
          `the brokers (${settings.brokers.join(', ')}) have not answered; check brokers, and that authType and disableTls are what they expect`,
        ),
      );
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return new KafkaPubSub(await Promise.race([connecting, aborted]), messaging, logger);
  } catch (error) {
    void connecting.then(
      (client) => client[Symbol.asyncDispose](),
      () => {},
    );
    throw error;
  }
}
