import type { ConnectionOptions } from 'node:tls';
import type { Logger } from '@outrigger/core';

/** How a client connects and what it promises; what the metadata fields come down to. */
export interface ClientSettings {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Absent: no TLS. */
  readonly tls?: ConnectionOptions;
  readonly sasl?: SaslSettings;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** How long the partitions of a topic are remembered. */
  readonly topicRefreshMs: number;
  readonly producer: ProducerSettings;
  readonly consumer: ConsumerSettings;
  readonly logger: Logger;
}

export type SaslSettings =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly mechanism: 'OAUTHBEARER';
      readonly token: () => Promise<string>;
      readonly extensions: Readonly<Record<string, string>>;
    };

interface ProducerSettings {
  readonly acks: 'all' | 'local' | 'none';
  readonly retries: number;
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
}

export interface ConsumerSettings {
  /** Where a partition begins for which the group has committed nothing. */
  readonly initialOffset: 'newest' | 'oldest';
  readonly heartbeatMs: number;
  readonly sessionTimeoutMs: number;
  readonly strategy: 'range' | 'roundrobin' | 'sticky';
  /** The least bytes a fetch waits for, and the most it takes of one partition. */
  readonly fetchMinBytes: number;
  readonly fetchBytes: number;
}
