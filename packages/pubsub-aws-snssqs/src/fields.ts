import { field } from '@outrigger/core';

export const fields = {
  region: field.text({
    description: 'AWS region of topics and queues. Default: what the environment or the AWS profile names',
    aliases: ['awsRegion'],
    example: 'us-east-1',
  }),
  endpoint: field.text({
    description: 'URL of a server that stands in for AWS; leave out for AWS itself',
    example: 'http://localhost:4566',
  }),
  accessKey: field.text({
    description:
      'Access key id; with neither `accessKey` nor `secretKey` the credentials come from the environment, the AWS profile, or the role of the machine',
    aliases: ['awsAccountID'],
    secret: true,
  }),
  secretKey: field.text({ description: 'Secret that belongs to `accessKey`', aliases: ['awsSecret'], secret: true }),
  sessionToken: field.text({ description: 'Session token of temporary credentials', secret: true }),
  accountID: field.text({
    description: 'AWS account of the topics; looked up where `disableEntityManagement` needs it. 12 digits',
    example: '123456789012',
  }),
  consumerID: field.text({
    description:
      'Name of the queue: each consumer id gets every message, its instances share them. Default: the app id',
  }),
  messageVisibilityTimeout: field.integer({
    description:
      'Seconds that a received message is hidden from other consumers; renewed while its handler runs. A message that failed, or whose consumer was killed, comes again after it',
    default: 10,
    min: 1,
    max: 43_200,
  }),
  messageRetryLimit: field.integer({
    description:
      'Deliveries after which a failing message is deleted, if `disableDeleteOnRetryLimit` is set to `false`',
    default: 10,
    min: 2,
  }),
  messageReceiveLimit: field.integer({
    description: 'Deliveries after which SQS moves a message to `sqsDeadLettersQueueName`; set both or neither',
    min: 0,
    max: 1000,
  }),
  sqsDeadLettersQueueName: field.text({
    description: 'Queue for messages that failed `messageReceiveLimit` times',
    example: 'orders-failed',
  }),
  messageWaitTimeSeconds: field.integer({
    description: 'Seconds that a request for messages waits for the first',
    default: 2,
    min: 1,
    max: 20,
  }),
  messageMaxNumber: field.integer({ description: 'Most messages of one request', default: 10, min: 1, max: 10 }),
  fifo: field.flag({ description: 'Use FIFO topics and queues: ordered and without duplicates', default: false }),
  fifoMessageGroupID: field.text({
    description:
      'Message group of what this app publishes, which is the scope of order; the metadata `messageGroupID` of a message goes before it. Default: `consumerID`',
  }),
  disableEntityManagement: field.flag({
    description: 'Create no topics, queues and subscriptions; they must exist',
    default: false,
  }),
  disableDeleteOnRetryLimit: field.flag({
    description:
      'Only an explicit `false` deletes messages that failed `messageRetryLimit` times; otherwise they come again until they succeed or the queue’s retention ends',
  }),
  assetsManagementTimeoutSeconds: field.duration({
    description: 'Longest time for each request that creates or looks up a topic, queue or subscription',
    default: 5000,
    min: 1,
    plainUnit: 's',
  }),
  concurrencyMode: field.oneOf(['parallel', 'single'], {
    description: 'Handle messages in parallel, or one at a time',
    default: 'parallel',
  }),
  concurrencyLimit: field.integer({
    description: 'Most messages handled at a time with `parallel`; 0: 100',
    default: 0,
    min: 0,
  }),
};
