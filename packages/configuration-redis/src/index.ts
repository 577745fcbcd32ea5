import { defineComponent } from '@outrigger/core';
import { connectRedis, redisFields } from '@outrigger/redis-client';
import { RedisConfigurationStore } from './redis-configuration-store.ts';

export default defineComponent({
  kind: 'configuration',
  type: 'configuration.redis',
  version: 'v1',
  description: 'Reads configuration from Redis or a server that speaks its protocol, and tells of changes',
  metadata: redisFields,
  create: async ({ metadata, logger, signal }) => {
    const connection = await connectRedis(metadata, { logger, signal });
    return new RedisConfigurationStore(connection, { database: metadata.redisDB, logger });
  },
});
