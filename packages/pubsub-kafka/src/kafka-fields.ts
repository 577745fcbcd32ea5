import { field } from '@outrigger/core';

const awsUnsupported = 'Not supported: `authType: awsiam` is refused';
const schemaUnsupported = 'Not supported: the component refuses to load with it';
const noSchema = 'No effect without a schema registry';

/** What is set to reach the brokers and to log in. */
export const connectionFields = {
  brokers: field.list({
    description: 'Addresses of some of the brokers, as `host:port`; the others are found through them',
    required: true,
    example: 'localhost:9092',
  }),
  clientID: field.text({ description: 'The name that brokers log for this client', default: 'sarama' }),
  authType: field.oneOf(['none', 'password', 'mtls', 'oidc', 'oidc_private_key_jwt', 'certificate', 'awsiam'], {
    description:
      'How to log in; required unless `authRequired` is set. All but `none` use TLS, unless `disableTls` is set. `awsiam` is not supported',
  }),
  authRequired: field.flag({
    description:
      'Old name: `true` means `password` where there is a `saslPassword` and else `mtls`; `false` means `none`',
  }),
  saslUsername: field.text({ description: 'User name, for `password`' }),
  saslPassword: field.text({ description: 'Password, for `password`', secret: true }),
  saslMechanism: field.oneOf(['PLAINTEXT', 'SHA-256', 'SHA-512'], {
    description: 'How the password is sent: as it is, or with SCRAM',
    default: 'PLAINTEXT',
  }),
  disableTls: field.flag({ description: 'Connect without TLS', default: false }),
  skipVerify: field.flag({ description: "Do not check the brokers' certificate", default: false }),
  caCert: field.text({ description: 'PEM text of the authorities to trust; default: those of Node.js' }),
  clientCert: field.text({ description: 'PEM text of the client certificate, for `mtls`' }),
  clientKey: field.text({ description: 'PEM text of the client key, for `mtls`', secret: true }),
  oidcTokenEndpoint: field.text({ description: 'URL that gives access tokens, for `oidc` and `oidc_private_key_jwt`' }),
  oidcClientID: field.text({ description: 'Client id there' }),
  oidcClientSecret: field.text({ description: 'Client secret there, for `oidc`', secret: true }),
  oidcScopes: field.list({ description: 'Scopes to ask for', default: ['openid'] }),
  oidcExtensions: field.text({ description: 'SASL extensions that go with the token: a JSON object of texts' }),
  oidcClientAssertionCert: field.text({
    description:
      'PEM text of the certificate that belongs to the key, for `oidc_private_key_jwt`; its thumbprint goes along',
  }),
  oidcClientAssertionKey: field.text({
    description: 'PEM text of the key that signs the request for a token, for `oidc_private_key_jwt`',
    secret: true,
  }),
  oidcResource: field.text({ description: 'Sent as `resource` with the request for a token' }),
  oidcAudience: field.text({
    description: 'Audience of what is signed, for `oidc_private_key_jwt`; default: `oidcTokenEndpoint`',
  }),
  oidcKid: field.text({ description: 'Id of the key (`kid`), for `oidc_private_key_jwt`' }),
  dialTimeout: field.duration({ description: 'How long connecting may take', default: 30_000, min: 1 }),
  readTimeout: field.duration({ description: 'How long a broker may take to answer', default: 30_000, min: 1 }),
  writeTimeout: field.duration({ description: 'No effect: a write that stalls is noticed by `readTimeout`' }),
  metadataTimeout: field.duration({ description: 'No effect: see `readTimeout`' }),
  clientConnectionTopicMetadataRefreshInterval: field.duration({
    description: 'How often the partitions of topics are looked up anew',
    default: 480_000,
  }),
  clientConnectionKeepAliveInterval: field.duration({ description: 'No effect: connections are kept' }),
  version: field.text({
    description: 'No effect: what the brokers can do is asked of them. They must be 2.4 or later',
    default: '2.0.0.0',
  }),
  region: field.text({ description: awsUnsupported, aliases: ['awsRegion'] }),
  accessKey: field.text({ description: awsUnsupported, aliases: ['awsAccessKey'], secret: true }),
  secretKey: field.text({ description: awsUnsupported, aliases: ['awsSecretKey'], secret: true }),
  sessionToken: field.text({ description: awsUnsupported, aliases: ['awsSessionToken'], secret: true }),
  assumeRoleArn: field.text({ description: awsUnsupported, aliases: ['awsIamRoleArn'] }),
  sessionName: field.text({ description: awsUnsupported, aliases: ['awsStsSessionName'] }),
};

/** What is set for publishing and subscribing. */
export const messagingFields = {
  consumerGroup: field.text({ description: 'The consumer group; default: `consumerID`' }),
  consumerID: field.text({ description: 'The consumer group where `consumerGroup` is not set; default: the app id' }),
  initialOffset: field.oneOf(['newest', 'oldest'], {
    description: 'Where a group begins that has committed nothing yet',
    default: 'newest',
  }),
  consumeRetryEnabled: field.flag({
    description: 'Hand a message that failed over again after `consumeRetryInterval`; else after a second or more',
    default: true,
  }),
  consumeRetryInterval: field.duration({
    description: 'The pause before a message that failed is handed over again',
    default: 100,
    min: 0,
  }),
  heartbeatInterval: field.duration({
    description: 'How often the group hears that this member lives; at most a third of `sessionTimeout`',
    default: 3000,
    min: 1,
  }),
  sessionTimeout: field.duration({
    description: 'After how long without a heartbeat the group gives the partitions to others',
    default: 10_000,
    min: 1,
  }),
  consumerGroupRebalanceStrategy: field.oneOf(['range', 'sticky', 'roundrobin'], {
    description: 'How partitions are shared out; the same for all members of a group',
    default: 'range',
  }),
  channelBufferSize: field.integer({
    description: 'Messages fetched ahead for each partition; from this many on no more are fetched',
    default: 256,
    min: 1,
  }),
  consumerFetchMin: field.integer({
    description: 'Bytes that a fetch waits for, half a second at most',
    default: 1,
    min: 1,
  }),
  consumerFetchDefault: field.integer({
    description: 'The most bytes of one partition in one answer; a larger message still comes',
    default: 1_048_576,
    min: 1,
  }),
  escapeHeaders: field.flag({ description: 'URL-encode header values and keys that reach the app', default: false }),
  excludeHeaderMetaRegex: field.text({
    description: 'Metadata whose name matches becomes no header, and such a header no metadata',
  }),
  maxMessageBytes: field.integer({
    description: 'The most bytes of a message, and of messages that are sent together; default: 1048576',
    min: 1,
  }),
  producerRequiredAcks: field.oneOf(['all', 'local', 'none'], {
    description: 'Who must have a message before it counts as published: all replicas in sync, the leader, or nobody',
    default: 'all',
  }),
  producerRetryMax: field.integer({ description: 'How often sending is tried again', default: 5, min: 0 }),
  compression: field.oneOf(['none', 'gzip', 'snappy', 'lz4', 'zstd'], {
    description: 'How messages are compressed',
    default: 'none',
  }),
  schemaRegistryURL: field.text({ description: schemaUnsupported }),
  schemaRegistryAPIKey: field.text({ description: noSchema }),
  schemaRegistryAPISecret: field.text({ description: noSchema, secret: true }),
  schemaCachingEnabled: field.flag({ description: noSchema }),
  schemaLatestVersionCacheTTL: field.duration({ description: noSchema }),
  useAvroJSON: field.flag({ description: noSchema }),
};
