/** The part of the package `pulsar-client` that is used, as its version 1.18 declares it. */
export interface NativeModule {
  readonly Client: new (config: NativeClientConfig) => NativeClient;
  readonly AuthenticationToken: new (params: { token: string | (() => Promise<string>) }) => object;
  readonly AuthenticationTls: new (params: { certificatePath: string; privateKeyPath: string }) => object;
  readonly MessageId: { deserialize(data: Buffer): NativeMessageId };
}

interface NativeClientConfig {
  readonly serviceUrl: string;
  readonly authentication?: object;
  readonly operationTimeoutSeconds?: number;
  readonly connectionTimeoutMs?: number;
  readonly tlsTrustCertsFilePath?: string;
  readonly tlsValidateHostname?: boolean;
  readonly tlsAllowInsecureConnection?: boolean;
  readonly listenerName?: string;
  /** 0 debug, 1 info, 2 warning, 3 error. */
  readonly log?: (level: number, file: string, line: number, message: string) => void;
}

export interface NativeSchema {
  readonly schemaType: 'Json' | 'Avro';
  readonly schema: string;
}

interface NativeProducerConfig {
  readonly topic: string;
  readonly sendTimeoutMs?: number;
  readonly maxPendingMessages?: number;
  readonly blockIfQueueFull?: boolean;
  readonly batchingEnabled?: boolean;
  readonly batchingMaxPublishDelayMs?: number;
  readonly batchingMaxMessages?: number;
  readonly batchingMaxAllowedSizeInBytes?: number;
  readonly batchingType?: 'DefaultBatching' | 'KeyBasedBatching';
  readonly compressionType?: 'None' | 'Zlib' | 'LZ4' | 'ZSTD';
  readonly publicKeyPath?: string;
  readonly encryptionKeys?: string[];
  readonly schema?: NativeSchema;
}

interface NativeConsumerConfig {
  readonly topic?: string;
  readonly topicsPattern?: string;
  readonly subscription: string;
  readonly subscriptionType?: 'Exclusive' | 'Shared' | 'KeyShared' | 'Failover';
  readonly subscriptionInitialPosition?: 'Latest' | 'Earliest';
  readonly nAckRedeliverTimeoutMs?: number;
  readonly receiverQueueSize?: number;
  readonly privateKeyPath?: string;
  readonly schema?: NativeSchema;
  readonly batchIndexAckEnabled?: boolean;
  readonly regexSubscriptionMode?: 'PersistentOnly' | 'NonPersistentOnly' | 'AllTopics';
  readonly replicateSubscriptionState?: boolean;
}

export interface NativeClient {
  createProducer(config: NativeProducerConfig): Promise<NativeProducer>;
  subscribe(config: NativeConsumerConfig): Promise<NativeConsumer>;
  getPartitionsForTopic(topic: string): Promise<string[]>;
  close(): Promise<null>;
}

interface NativeProducer {
  send(message: {
    readonly data: Buffer;
    readonly properties?: Record<string, string>;
    readonly partitionKey?: string;
    readonly deliverAfter?: number;
    readonly deliverAt?: number;
  }): Promise<NativeMessageId>;
  close(): Promise<null>;
}

export interface NativeConsumer {
  /** Rejects when nothing came within so many milliseconds. */
  receive(timeout?: number): Promise<NativeMessage>;
  acknowledge(message: NativeMessage): Promise<null>;
  negativeAcknowledge(message: NativeMessage): void;
  isConnected(): boolean;
  close(): Promise<null>;
}

export interface NativeMessage {
  getProperties(): Record<string, string>;
  getData(): Buffer;
  getMessageId(): NativeMessageId;
  getPartitionKey(): string;
}

interface NativeMessageId {
  serialize(): Buffer;
}

// a variable, so that the compiler does not look for a package that need not be there
const packageName: string = 'pulsar-client';

/** `undefined` when the package is not installed, or has no binary for this machine. */
export async function loadNativeModule(): Promise<NativeModule | undefined> {
  try {
    const module = (await import(packageName)) as NativeModule & { readonly default?: NativeModule };
    return module.default ?? module;
  } catch {
    return undefined;
  }
}
