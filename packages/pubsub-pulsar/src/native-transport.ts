import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { abortable, ComponentError, errorMessage, type Logger } from '@outrigger/core';
import type { NativeClient, NativeModule, NativeSchema } from './native-client.ts';
import { NativeConsumer } from './native-consumer.ts';
import type { Consumer, ConsumerOptions, Producer, Receiver, TopicSchemaInfo, Transport } from './transport.ts';

export interface NativeTransportSettings {
  readonly serviceUrl: string;
  readonly tenant: string;
  readonly namespace: string;
  readonly login: (() => Promise<string>) | undefined;
  readonly listenerName: string | undefined;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly batching: boolean;
  readonly batchingMaxMessages: number;
  readonly batchingMaxPublishDelayMs: number;
  readonly batchingMaxSize: number;
  readonly compressionType: 'none' | 'lz4' | 'zlib' | 'zstd';
  readonly publicKey: string | undefined;
  readonly privateKey: string | undefined;
  readonly encryptionKeys: readonly string[];
}

const subscriptionTypes = {
  shared: 'Shared',
  exclusive: 'Exclusive',
  failover: 'Failover',
  key_shared: 'KeyShared',
} as const;
const compressionTypes = { none: 'None', lz4: 'LZ4', zlib: 'Zlib', zstd: 'ZSTD' } as const;
const sendTimeoutMs = 30_000;
const maxPending = 1000;

/** The binary protocol, through the package `pulsar-client`. One client holds the connections of all producers and consumers. */
export class NativeTransport implements Transport {
  readonly #settings: NativeTransportSettings;
  readonly #logger: Logger;
  readonly #client: NativeClient;
  readonly #files = new SecretFiles();

  constructor(module: NativeModule, settings: NativeTransportSettings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    const { serviceUrl, login, listenerName, ca, cert, key } = settings;
    const authentication = login
      ? new module.AuthenticationToken({ token: login })
      : cert !== undefined && key !== undefined
        ? new module.AuthenticationTls({
            certificatePath: this.#files.pathOf('client.pem', cert),
            privateKeyPath: this.#files.pathOf('client.key', key),
          })
        : undefined;
    this.#client = new module.Client({
      serviceUrl,
      tlsValidateHostname: true,
      tlsAllowInsecureConnection: false,
      log: (level, _file, _line, message) => (level >= 3 ? logger.warn(message) : logger.debug(message)),
      ...(authentication && { authentication }),
      ...(ca !== undefined && { tlsTrustCertsFilePath: this.#files.pathOf('ca.pem', ca) }),
      ...(listenerName !== undefined && { listenerName }),
    });
  }

  async check(signal: AbortSignal): Promise<void> {
    const { tenant, namespace } = this.#settings;
    await this.#ask('connect', signal, this.#client.getPartitionsForTopic(`persistent://${tenant}/${namespace}/probe`));
  }

  async openProducer(topic: string, schema: TopicSchemaInfo | undefined, signal: AbortSignal): Promise<Producer> {
    const { batching, batchingMaxMessages, batchingMaxPublishDelayMs, batchingMaxSize, ...settings } = this.#settings;
    const creating = this.#client.createProducer({
      topic,
      sendTimeoutMs,
      maxPendingMessages: maxPending,
      blockIfQueueFull: true,
      batchingEnabled: batching,
      batchingMaxMessages,
      batchingMaxPublishDelayMs: Math.max(1, Math.round(batchingMaxPublishDelayMs)),
      batchingMaxAllowedSizeInBytes: batchingMaxSize,
      // a batch reaches one consumer as a whole, so messages of several keys must not share one
      batchingType: 'KeyBasedBatching',
      compressionType: compressionTypes[settings.compressionType],
      ...(settings.publicKey !== undefined &&
        settings.encryptionKeys.length > 0 && {
          publicKeyPath: this.#files.pathOf('public.pem', settings.publicKey),
          encryptionKeys: [...settings.encryptionKeys],
        }),
      ...(schema && { schema: nativeSchema(schema) }),
    });
    const producer = await this.#ask(`publish to ${topic}`, signal, creating);
    return {
      send: async ({ data, properties, key, deliverAt, deliverAfterMs }, until) => {
        const sending = producer.send({
          data: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
          properties: { ...properties },
          ...(key !== undefined && { partitionKey: key }),
          ...(deliverAt !== undefined && { deliverAt }),
          ...(deliverAfterMs !== undefined && { deliverAfter: deliverAfterMs }),
        });
        await this.#ask(`publish to ${topic}`, until, sending);
      },
      close: async () => void (await producer.close().catch(() => null)),
    };
  }

  async openConsumer(
    { topic, subscription, type, initialPosition, redeliveryDelayMs, receiverQueueSize, ...options }: ConsumerOptions,
    schema: TopicSchemaInfo | undefined,
    receiver: Receiver,
    signal: AbortSignal,
  ): Promise<Consumer> {
    const { privateKey } = this.#settings;
    const subscribing = this.#client.subscribe({
      ...('name' in topic
        ? { topic: topic.name }
        : { topicsPattern: topic.pattern, regexSubscriptionMode: 'AllTopics' as const }),
      subscription,
      subscriptionType: subscriptionTypes[type],
      subscriptionInitialPosition: initialPosition === 'earliest' ? 'Earliest' : 'Latest',
      nAckRedeliverTimeoutMs: Math.max(100, Math.round(redeliveryDelayMs)),
      receiverQueueSize,
      batchIndexAckEnabled: true,
      replicateSubscriptionState: options.replicateSubscriptionState,
      ...(privateKey !== undefined && { privateKeyPath: this.#files.pathOf('private.pem', privateKey) }),
      ...(schema && { schema: nativeSchema(schema) }),
    });
    const what = 'name' in topic ? topic.name : topic.pattern;
    return new NativeConsumer(await this.#ask(`subscribe to ${what}`, signal, subscribing), receiver, this.#logger);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close().catch(() => null);
    this.#files.remove();
  }

  async #ask<T>(what: string, signal: AbortSignal, answer: Promise<T>): Promise<T> {
    try {
      return await abortable(answer, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw nativeError(what, error);
    }
  }
}

// The client's errors have the C++ client's name of the result in their message, such as "ConnectError" or "TopicNotFound".
function nativeError(what: string, error: unknown): ComponentError {
  const reason = errorMessage(error);
  const failed = (code: ComponentError['code'], hint: string) =>
    new ComponentError(code, `cannot ${what}: ${reason}${hint}`, { cause: error });
  if (/Authentication|Authorization/i.test(reason))
    return failed('invalid-argument', '; check token, or the oauth2 fields');
  if (/NotFound/i.test(reason)) return failed('not-found', '; check tenant, namespace and topic');
  if (/ConsumerBusy/i.test(reason))
    return failed('unavailable', '; with subscribeType exclusive a subscription has one consumer');
  if (/InvalidUrl|InvalidTopicName|InvalidConfiguration/i.test(reason))
    return failed('invalid-argument', '; check host and topic');
  if (/IncompatibleSchema/i.test(reason)) return failed('invalid-argument', '; the topic has another schema');
  return failed('unavailable', '; check host');
}

function nativeSchema({ type, definition }: TopicSchemaInfo): NativeSchema {
  return { schemaType: type === 'JSON' ? 'Json' : 'Avro', schema: definition };
}

/** The client reads keys and certificates from files only; what is given as text is written to a folder of its own. */
class SecretFiles {
  #folder: string | undefined;

  pathOf(name: string, textOrPath: string): string {
    if (!textOrPath.includes('-----BEGIN')) return textOrPath;
    this.#folder ??= mkdtempSync(join(tmpdir(), 'outrigger-pulsar-'));
    const path = join(this.#folder, name);
    writeFileSync(path, textOrPath, { mode: 0o600 });
    return path;
  }

  remove(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}
