/** What differs between the brokers: where each is, and the component that stands for it. */
export interface BenchBroker {
  readonly name: string;
  /** Where the server is, as `e2e/backends/up.sh` says it; without it the broker needs no server. */
  readonly variable?: string;
  /** The most messages on the way at a time. Default 2000; fewer where the server is slow. */
  readonly window?: number;
  /** Why it runs only when it is named. */
  readonly onlyByName?: string;
  /** The Component's spec, for a server at the address, or a file there. */
  readonly component: (address: string) => {
    readonly type: string;
    readonly metadata: Readonly<Record<string, string>>;
  };
}

export const brokers: readonly BenchBroker[] = [
  { name: 'sqlite', component: (file) => ({ type: 'pubsub.sqlite', metadata: { connectionString: file } }) },
  {
    name: 'redis',
    variable: 'OUTRIGGER_TEST_REDIS',
    component: (redisHost) => ({ type: 'pubsub.redis', metadata: { redisHost } }),
  },
  {
    name: 'kafka',
    variable: 'OUTRIGGER_TEST_KAFKA',
    component: (address) => ({
      type: 'pubsub.kafka',
      metadata: { brokers: address, authType: 'none', initialOffset: 'oldest' },
    }),
  },
  {
    name: 'rabbitmq',
    variable: 'OUTRIGGER_TEST_RABBITMQ',
    component: (address) => ({
      type: 'pubsub.rabbitmq',
      metadata: { connectionString: `amqp://guest:guest@${address}`, publisherConfirm: 'true', prefetchCount: '100' },
    }),
  },
  {
    name: 'pulsar',
    variable: 'OUTRIGGER_TEST_PULSAR',
    component: (address) => ({ type: 'pubsub.pulsar', metadata: { host: `http://${address}` } }),
  },
  {
    name: 'aws',
    // moto keeps what is queued in a list that each deletion replaces: what is published meanwhile is gone
    onlyByName: 'its stand-in loses messages at this rate; against AWS itself: --broker aws',
    variable: 'OUTRIGGER_TEST_AWS',
    window: 100,
    component: (address) => ({
      type: 'pubsub.aws.snssqs',
      metadata: { endpoint: `http://${address}`, region: 'us-east-1', accessKey: 'bench', secretKey: 'bench' },
    }),
  },
];
