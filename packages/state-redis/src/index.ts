import { ComponentError, defineComponent } from '@outrigger/core';
import { connectRedis } from '@outrigger/redis-client';
import { fields } from './fields.ts';
import { ItemSearch } from './item-search.ts';
import { RedisStateStore } from './redis-state-store.ts';

export default defineComponent({
  kind: 'state',
  type: 'state.redis',
  version: 'v1',
  description: 'Keeps state in Redis or a server that speaks its protocol',
  metadata: fields,
  create: async ({ metadata, logger, signal }) => {
    const { ttlInSeconds, queryIndexes, redisDB, redisType } = metadata;
    const isCluster = redisType === 'cluster';
    if (queryIndexes !== undefined) refuseUnsearchable(isCluster, redisDB);
    const connection = await connectRedis(metadata, { logger, signal });
    try {
      const search =
        queryIndexes === undefined ? {} : { search: await ItemSearch.open(connection, queryIndexes, signal) };
      return new RedisStateStore(connection, { ttlInSeconds, isCluster, ...search });
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
  },
});

function refuseUnsearchable(isCluster: boolean, redisDB: number): void {
  if (isCluster) {
    throw new ComponentError('unsupported', 'queryIndexes: queries over a cluster are not supported; leave it out');
  }
  if (redisDB !== 0) {
    throw new ComponentError('invalid-argument', 'queryIndexes: RediSearch sees only database 0; leave redisDB out');
  }
}
