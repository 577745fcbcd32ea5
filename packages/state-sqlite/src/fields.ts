import { field, type MetadataOf } from '@outrigger/core';
import { sqliteFields } from '@outrigger/sqlite-client';

export const fields = {
  ...sqliteFields,
  tableName: field.text({ description: 'Table that holds the items; made when missing', default: 'state' }),
  metadataTableName: field.text({
    description: 'Table that holds the level of the schema and the time of the last cleanup; made when missing',
    default: 'metadata',
  }),
  cleanupInterval: field.duration({
    description: 'How often rows of expired items are removed; 0 or less: never. Expired items are not seen either way',
    default: 0,
    plainUnit: 's',
    aliases: ['cleanupIntervalInSeconds'],
  }),
};

export type StateSqliteMetadata = MetadataOf<typeof fields>;
