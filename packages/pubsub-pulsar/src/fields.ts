import { field } from '@outrigger/core';

/** The metadata of the component, with Dapr's names and defaults; `transport` to `clientKey` are Outrigger's own. */
export const pulsarFields = {
  host: field.text({
    description:
      'Address of Pulsar: `host:port`, `pulsar://`, `pulsar+ssl://`, `http://`, `https://`, `ws://` or `wss://`; see "Transports"',
    required: true,
    example: 'localhost:6650',
  }),
  transport: field.oneOf(['native', 'websocket'], {
    description:
      'How to talk to Pulsar: with the native package `pulsar-client`, or over the WebSocket API. Default: native where that package is installed and `host` is not a ws:// address, else websocket',
  }),
  webSocketURL: field.text({
    description: 'Address of the WebSocket API, where `host` is one of the binary protocol',
    example: 'ws://localhost:8080',
  }),
  caCert: field.text({ description: 'PEM text of the authorities to trust, in place of those of Node.js' }),
  clientCert: field.text({ description: 'PEM text of the client certificate, for mutual TLS' }),
  clientKey: field.text({ description: 'PEM text of the client key, for mutual TLS', secret: true }),
  listenerName: field.text({ description: 'Which of the advertised listeners of the brokers to use' }),
  enableTLS: field.flag({ description: 'Connect over TLS', default: false }),
  consumerID: field.text({
    description: 'Name of the subscriptions: each gets every message, its instances share them. Default: the app id',
  }),
  tenant: field.text({ description: 'Tenant of the topics', default: 'public' }),
  namespace: field.text({ description: 'Namespace of the topics', default: 'default' }),
  persistent: field.flag({ description: 'Topics are kept on disk', default: true }),
  token: field.text({ description: 'Token (JWT) for the login', secret: true }),
  oauth2TokenURL: field.text({ description: 'Where to get a token for the login, by OAuth 2 client credentials' }),
  oauth2ClientID: field.text({ description: 'OAuth 2 client id' }),
  oauth2ClientSecret: field.text({ description: 'OAuth 2 client secret', secret: true }),
  oauth2ClientSecretPath: field.text({ description: 'File with the OAuth 2 client secret' }),
  oauth2CredentialsFile: field.text({
    description: 'JSON file with `client_id`, `client_secret` and, where `oauth2TokenURL` is not set, `issuer_url`',
  }),
  oauth2TokenCAPEM: field.text({ description: 'PEM text of the authorities to trust at `oauth2TokenURL`' }),
  oauth2Scopes: field.list({ description: 'OAuth 2 scopes to ask for' }),
  oauth2Audiences: field.list({ description: 'OAuth 2 audiences to ask for' }),
  disableBatching: field.flag({ description: 'Send every message on its own', default: false }),
  batchingMaxPublishDelay: field.duration({
    description: 'The longest that a batch waits to fill',
    default: 10,
    min: 1,
  }),
  batchingMaxMessages: field.integer({ description: 'The most messages of a batch', default: 1000, min: 1 }),
  batchingMaxSize: field.integer({ description: 'The most bytes of a batch', default: 131_072, min: 1 }),
  compressionType: field.oneOf(['none', 'lz4', 'zlib', 'zstd'], {
    description: 'How messages are compressed',
    default: 'none',
  }),
  compressionLevel: field.oneOf(['default', 'faster', 'better'], {
    description: 'Effort of the compression; neither transport can choose it',
    default: 'default',
  }),
  publicKey: field.text({ description: 'Public key for encryption: PEM text or the path of a file' }),
  privateKey: field.text({
    description: 'Private key for decryption: PEM text or the path of a file',
    secret: true,
  }),
  keys: field.list({ description: 'Names of the encryption keys to publish with' }),
  redeliveryDelay: field.duration({
    description: 'After how long a message comes again whose handling failed',
    default: 30_000,
    min: 0,
  }),
  processMode: field.oneOf(['async', 'sync'], {
    description: 'Handle messages at the same time, or one after the other',
    default: 'async',
  }),
  maxConcurrentHandlers: field.integer({
    description: 'Messages handled at a time, for each subscription',
    default: 100,
    min: 1,
  }),
  receiverQueueSize: field.integer({
    description: 'Messages fetched ahead, for each subscription',
    default: 1000,
    min: 1,
  }),
  subscribeType: field.oneOf(['shared', 'exclusive', 'failover', 'key_shared'], {
    description: 'How the instances of a subscription share its messages',
    default: 'shared',
  }),
  subscribeInitialPosition: field.oneOf(['latest', 'earliest'], {
    description: 'Where a new subscription begins',
    default: 'latest',
  }),
  subscribeMode: field.oneOf(['durable', 'non_durable'], {
    description: 'Whether the broker remembers the subscription when no instance is connected',
    default: 'durable',
  }),
  replicateSubscriptionState: field.flag({
    description: 'Replicate how far the subscription is to other clusters',
    default: false,
  }),
  topicsPattern: field.text({
    description: 'Subscribe to all topics whose full name this regular expression matches, in place of the one named',
    example: 'persistent://public/default/orders-.*',
  }),
  autoDiscoveryPeriod: field.duration({
    description:
      'How often to look for new topics of a pattern; 0: as the client does. Neither transport can choose it',
    default: 0,
    min: 0,
  }),
};
