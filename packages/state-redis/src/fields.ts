import { field } from '@outrigger/core';
import { redisFields } from '@outrigger/redis-client';

export const fields = {
  ...redisFields,
  ttlInSeconds: field.integer({
    description: 'Time to live of items that are written without one; -1: for ever',
    default: -1,
    min: -1,
  }),
};
