import { field, type MetadataOf } from '@outrigger/core';

export const fields = {
  connectionString: field.text({
    description:
      'Where the server is, as `mongodb://` or `mongodb+srv://`; every other field of the connection is then ignored',
    secret: true,
  }),
  server: field.text({ description: 'Host of a DNS seed list (`mongodb+srv://`); instead of `host`' }),
  host: field.text({ description: 'The server, or the members of a replica set parted by commas, each `name:port`' }),
  params: field.text({ description: 'Options of the connection', example: '?replicaSet=rs0&tls=true' }),
  username: field.text({ description: 'User; goes with `host` or `server`' }),
  password: field.text({ description: 'Password of the user', secret: true }),
  databaseName: field.text({ description: 'Database that holds the items', default: 'daprStore' }),
  collectionName: field.text({
    description: 'Collection that holds the items; made when missing',
    default: 'daprCollection',
  }),
  writeconcern: field.text({
    description: 'How many members must have a write before it is answered: `majority` or a number. Default 1',
  }),
  readconcern: field.oneOf(['local', 'available', 'majority', 'linearizable', 'snapshot'], {
    description: 'Which writes reads see; strongly consistent ones at least those that a majority has',
    default: 'local',
  }),
  operationTimeout: field.duration({ description: 'Longest time an operation may take', default: 5000, min: 1 }),
};

export type StateMongoMetadata = MetadataOf<typeof fields>;
