import { defineComponent } from '@outrigger/core';
import { connectRedis, redisFields } from '@outrigger/redis-client';
import { RedisBinding } from './redis-binding.ts';

export default defineComponent({
  kind: 'bindings',
  type: 'bindings.redis',
  version: 'v1',
  description: 'Writes, reads, counts and deletes keys of Redis or a server that speaks its protocol',
  metadata: redisFields,
  create: async ({ metadata, logger, signal }) => new RedisBinding(await connectRedis(metadata, { logger, signal })),
});
