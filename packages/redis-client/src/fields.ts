import { field, type MetadataOf } from '@outrigger/core';

/**
 * The metadata fields that every component on Redis has, with Dapr's names; to be spread into a definition's `metadata`.
 * Fields that size Dapr's connection pool are accepted and have no effect: one multiplexed connection does the work.
 */
export const redisFields = {
  redisHost: field.text({
    description: 'Address as `host:port`; a comma-separated list for a cluster or for sentinels',
    required: true,
    example: 'localhost:6379',
  }),
  redisPort: field.integer({
    description: 'Port, where `redisHost` does not name one (default 6379, for sentinels 26379)',
    min: 1,
    max: 65_535,
  }),
  redisUsername: field.text({ description: 'User name for the login (Redis 6 and later)' }),
  redisPassword: field.text({ description: 'Password for the login', secret: true }),
  redisDB: field.integer({
    description: 'Number of the database; a cluster has only 0',
    default: 0,
    min: 0,
    aliases: ['DB'],
  }),
  redisType: field.oneOf(['node', 'cluster'], {
    description: 'One server (or one behind sentinels), or a cluster',
    default: 'node',
  }),
  failover: field.flag({
    description: 'Find the master through sentinels: `redisHost` then lists the sentinels',
    default: false,
  }),
  sentinelMasterName: field.text({ description: 'The name the sentinels know the master by; needed with `failover`' }),
  sentinelUsername: field.text({ description: 'User name for the login at the sentinels' }),
  sentinelPassword: field.text({ description: 'Password for the login at the sentinels', secret: true }),
  enableTLS: field.flag({ description: 'Connect over TLS', default: false }),
  insecureSkipTLSVerify: field.flag({ description: "Do not check the server's certificate", default: false }),
  clientCert: field.text({ description: 'PEM text of the client certificate, for mutual TLS' }),
  clientKey: field.text({ description: 'PEM text of the client key, for mutual TLS', secret: true }),
  dialTimeout: field.duration({ description: 'How long connecting may take', default: 5000 }),
  readTimeout: field.duration({
    description: 'How long the server may stay silent while an answer is due; -1: for ever',
    default: 3000,
  }),
  writeTimeout: field.duration({ description: 'No effect: a write that stalls is noticed by `readTimeout`' }),
  redisMinRetryInterval: field.duration({
    description: 'First pause before reconnecting; it doubles with each attempt',
    default: 8,
    aliases: ['maxRetryBackoff'],
  }),
  redisMaxRetryInterval: field.duration({ description: 'Longest pause before reconnecting', default: 512 }),
  redisMaxRetries: field.integer({
    description: 'No effect: a command is never sent twice; retries come from a Resiliency resource',
    aliases: ['maxRetries'],
  }),
  poolSize: field.integer({ description: 'No effect: commands share one connection' }),
  poolTimeout: field.duration({ description: 'No effect, see `poolSize`' }),
  minIdleConns: field.integer({ description: 'No effect, see `poolSize`' }),
  maxConnAge: field.duration({ description: 'No effect, see `poolSize`' }),
  idleCheckFrequency: field.duration({ description: 'No effect, see `poolSize`' }),
  idleTimeout: field.duration({ description: 'No effect, see `poolSize`' }),
  useEntraID: field.flag({ description: 'Not supported yet: the component refuses to load with it', default: false }),
  useOIDC: field.flag({ description: 'Not supported yet: the component refuses to load with it', default: false }),
};

/** What {@link redisFields} parse to. */
export type RedisMetadata = MetadataOf<typeof redisFields>;
