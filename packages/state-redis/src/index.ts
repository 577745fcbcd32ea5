import { defineComponent } from '@outrigger/core';
import { connectRedis } from '@outrigger/redis-client';
import { fields } from './fields.ts';
import { RedisStateStore } from './redis-state-store.ts';

export default defineComponent({
  kind: 'state',
  type: 'state.redis',
  version: 'v1',
  description: 'Keeps state in Redis or a server that speaks its protocol',
  metadata: fields,
  create: async ({ metadata, logger, signal }) => {
    const connection = await connectRedis(metadata, { logger, signal });
    const { ttlInSeconds, redisType } = metadata;
    return new RedisStateStore(connection, { ttlInSeconds, isCluster: redisType === 'cluster' });
  },
});
