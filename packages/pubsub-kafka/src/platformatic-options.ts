import type { BaseOptions } from '@platformatic/kafka';
import type { ClientSettings } from './client-settings.ts';

/** What every client of the library is made with. */
export function baseOptions(settings: ClientSettings): BaseOptions {
  const { sasl, tls } = settings;
  return {
    clientId: settings.clientId,
    bootstrapBrokers: [...settings.brokers],
    connectTimeout: settings.connectTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    metadataMaxAge: settings.topicRefreshMs,
    autocreateTopics: true,
    retries: 3,
    retryDelay: 100,
    ...(tls && { tls }),
    ...(sasl && {
      sasl:
        sasl.mechanism === 'OAUTHBEARER'
          ? {
              mechanism: sasl.mechanism,
              token: sasl.token,
              oauthBearerExtensions: { ...sasl.extensions },
            }
          : { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password },
    }),
  };
}
