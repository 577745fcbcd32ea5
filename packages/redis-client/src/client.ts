import type { ConnectionOptions } from 'node:tls';
import { Cluster, type CommonRedisOptions, Redis } from 'ioredis';
import { ComponentError } from '@outrigger/core';
import { type Endpoint, endpoints, showEndpoint, tlsOptions } from './endpoint.ts';
import type { RedisMetadata } from './fields.ts';

export interface ClientOptions {
  /** Milliseconds the server may stay silent while an answer is due; below 0: for ever. */
  readonly readTimeout: number;
  /** Whether a lost connection is made again. False until the first connection stands. */
  readonly mayReconnect: () => boolean;
}

/** The driver, not yet connected, and how messages call its server. */
export function createClient(
  metadata: RedisMetadata,
  options: ClientOptions,
): { client: Redis | Cluster; address: string } {
  refuseWhatIsMissing(metadata);
  const servers = endpoints(metadata);
  const [first] = servers;
  if (first === undefined) throw new ComponentError('invalid-argument', 'redisHost names no address');
  const address = servers.map(showEndpoint).join(',');

  const backOff = (attempt: number): number | null => {
    if (!options.mayReconnect()) return null;
    const pause = Math.min(metadata.redisMaxRetryInterval, metadata.redisMinRetryInterval * 2 ** (attempt - 1));
    return Math.max(1, pause * (0.5 + Math.random() / 2));
  };
  const perServer = serverOptions(metadata, options, first);

  if (metadata.redisType === 'cluster') {
    const client = new Cluster([...servers], {
      lazyConnect: true,
      enableOfflineQueue: false,
      redisOptions: perServer,
      clusterRetryStrategy: backOff,
      slotsRefreshTimeout: metadata.dialTimeout,
      // 0: a command whose connection dropped is given back, not sent again
      retryDelayOnFailover: 0,
      // names as the servers announce them, or no certificate would match
      dnsLookup: (host, callback) => callback(null, host),
    });
    return { client, address };
  }
  if (metadata.failover) {
    const client = new Redis({
      ...perServer,
      sentinels: [...servers],
      name: metadata.sentinelMasterName ?? '',
      sentinelRetryStrategy: backOff,
      retryStrategy: backOff,
      connectTimeout: metadata.dialTimeout,
      // after a failover the old master is a read-only copy: ask the sentinels again
      reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
      ...(metadata.sentinelUsername === undefined ? {} : { sentinelUsername: metadata.sentinelUsername }),
      ...(metadata.sentinelPassword === undefined ? {} : { sentinelPassword: metadata.sentinelPassword }),
      ...(perServer.tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: perServer.tls }),
    });
    return { client, address: `${metadata.sentinelMasterName} (sentinels ${address})` };
  }
  return { client: new Redis({ ...perServer, ...first, retryStrategy: backOff }), address };
}

function serverOptions(metadata: RedisMetadata, { readTimeout }: ClientOptions, first: Endpoint) {
  const tls = tlsOptions(metadata, first.host);
  return {
    lazyConnect: true,
    protocol: 2,
    db: metadata.redisDB,
    connectTimeout: metadata.dialTimeout,
    // What is written while the connection is down fails at once, and what was under way when it dropped is never sent
    // again: whether the server did it is not known, so only the caller can decide.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // who listens does it, and learns that something may be missed
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    ...(readTimeout > 0 ? { socketTimeout: readTimeout } : {}),
    ...(metadata.redisUsername === undefined ? {} : { username: metadata.redisUsername }),
    ...(metadata.redisPassword === undefined ? {} : { password: metadata.redisPassword }),
    ...(tls === undefined ? {} : { tls }),
  } satisfies CommonRedisOptions & { tls?: ConnectionOptions };
}

function refuseWhatIsMissing(metadata: RedisMetadata): void {
  for (const name of ['useEntraID', 'useOIDC'] as const) {
    if (metadata[name])
      throw new ComponentError('unsupported', `${name} is not supported yet: use redisUsername and redisPassword`);
  }
  if (metadata.failover && metadata.redisType === 'cluster') {
    throw new ComponentError(
      'invalid-argument',
      'failover is for one server behind sentinels: leave it out with redisType cluster',
    );
  }
  if (metadata.failover && metadata.sentinelMasterName === undefined) {
    throw new ComponentError('invalid-argument', 'failover needs sentinelMasterName');
  }
  if (metadata.redisType === 'cluster' && metadata.redisDB !== 0) {
    throw new ComponentError('invalid-argument', 'redisDB: a cluster has only database 0');
  }
}
