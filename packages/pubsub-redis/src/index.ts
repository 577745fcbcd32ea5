import { defineComponent, field } from '@outrigger/core';
import { connectRedis, redisFields } from '@outrigger/redis-client';
import { RedisPubSub } from './redis-pubsub.ts';
import { refuseOldServer } from './server-check.ts';

export default defineComponent({
  kind: 'pubsub',
  type: 'pubsub.redis',
  version: 'v1',
  description: 'Messages over Redis Streams and consumer groups',
  metadata: {
    ...redisFields,
    consumerID: field.text({
      description: 'The consumer group: each gets every message, its instances share them. Default: the app id',
    }),
    redeliverInterval: field.duration({
      description:
        'After how long, on average, a message that failed is tried again, and how often each instance looks for such messages and for those of dead consumers; 0: only when an instance starts or resumes',
      default: 15_000,
      min: 0,
    }),
    processingTimeout: field.duration({
      description:
        'After how long without a sign of life another consumer takes over what a consumer held; a handler that runs longer is not interrupted. 0: never',
      default: 60_000,
      min: 0,
    }),
    queueDepth: field.integer({ description: 'Messages fetched ahead, for each subscription', default: 100, min: 1 }),
    concurrency: field.integer({
      description: 'Messages handled at a time, for each subscription',
      default: 10,
      min: 1,
    }),
    maxLenApprox: field.integer({
      description: 'Trim a stream to about this many messages when publishing, handled or not; 0: never',
      min: 0,
    }),
    streamTTL: field.duration({
      description: 'Trim messages older than this when publishing, handled or not; has no effect beside `maxLenApprox`',
      min: 0,
    }),
  },
  create: async ({ metadata, appId, logger, signal }) => {
    const connection = await connectRedis(metadata, { logger, signal });
    try {
      await refuseOldServer(connection, signal);
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
    return new RedisPubSub(
      connection,
      {
        consumerId: metadata.consumerID ?? appId,
        redeliverIntervalMs: metadata.redeliverInterval,
        processingTimeoutMs: metadata.processingTimeout,
        queueDepth: metadata.queueDepth,
        concurrency: metadata.concurrency,
        isCluster: metadata.redisType === 'cluster',
        maxLenApprox: metadata.maxLenApprox,
        streamTtlMs: metadata.streamTTL,
      },
      logger,
    );
  },
});
