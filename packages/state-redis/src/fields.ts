import { field } from '@outrigger/core';
import { redisFields } from '@outrigger/redis-client';

export const fields = {
  ...redisFields,
  ttlInSeconds: field.integer({
    description: 'Time to live of items that are written without one; -1: for ever',
    default: -1,
    min: -1,
  }),
  queryIndexes: field.text({
    description:
      'Indexes for queries, as JSON: `[{"name":…,"indexes":[{"key":…,"type":"TEXT" or "NUMERIC"}]}]`; the server needs RediSearch',
  }),
};
