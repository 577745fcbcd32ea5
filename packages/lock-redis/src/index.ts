import { ComponentError, defineComponent } from '@outrigger/core';
import { connectRedis, redisFields } from '@outrigger/redis-client';
import { RedisLockStore, refuseReplicas } from './redis-lock-store.ts';

export default defineComponent({
  kind: 'lock',
  type: 'lock.redis',
  version: 'v1',
  description: 'Keeps locks in Redis or a server that speaks its protocol',
  metadata: redisFields,
  create: async ({ metadata, logger, signal }) => {
    if (metadata.redisType === 'cluster') {
      throw new ComponentError(
        'unsupported',
        'redisType cluster: locks need one server, for a copy that takes over may not know of a lock',
      );
    }
    const connection = await connectRedis(metadata, { logger, signal });
    try {
      if (!metadata.failover) await refuseReplicas(connection, signal);
      return new RedisLockStore(connection);
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
  },
});
