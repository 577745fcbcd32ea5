import { field, type MetadataOf } from '@outrigger/core';

const unsupported = 'Not supported yet: the component refuses to load with it';

export const queryExecModes = [
  'cache_statement',
  'cache_describe',
  'describe_exec',
  'exec',
  'simple_protocol',
] as const;

export const fields = {
  connectionString: field.text({
    description: 'A URL, or `key=value` pairs as libpq takes them; the fields below win over it',
    secret: true,
    aliases: ['url'],
    example: 'host=localhost user=postgres password=example port=5432 connect_timeout=10 database=dapr_test',
  }),
  host: field.text({ description: 'Host name of the server, or the folder of its Unix socket' }),
  hostaddr: field.text({
    description: 'Address to connect to in place of `host`, which then only names the certificate',
  }),
  port: field.integer({ description: 'Port of the server; 5432 when nothing else says it', min: 1, max: 65_535 }),
  database: field.text({ description: 'Name of the database; that of the user when nothing else says it' }),
  user: field.text({ description: 'User for the login' }),
  password: field.text({ description: 'Password for the login', secret: true }),
  sslRootCert: field.text({ description: 'File with the authorities that may sign the server’s certificate' }),
  timeout: field.duration({
    description: 'Longest time a call may take at the database, and may wait for a connection',
    default: 20_000,
    min: 1000,
    plainUnit: 's',
    aliases: ['timeoutInSeconds'],
  }),
  tablePrefix: field.text({
    description: 'Put before `state` to name the table that holds the items; may begin with a schema: `myschema.app1_`',
    default: '',
  }),
  metadataTableName: field.text({
    description: 'Table that holds the level of the schema and the time of the last cleanup; may have a schema',
    default: 'dapr_metadata',
  }),
  cleanupInterval: field.duration({
    description: 'How often rows of expired items are removed; 0 or less: never. Expired items are not seen either way',
    default: 3_600_000,
    plainUnit: 's',
    aliases: ['cleanupIntervalInSeconds'],
  }),
  maxConns: field.integer({
    description: 'Most connections of the pool; 0 or less: 4, or one for each CPU where there are more',
    default: 0,
  }),
  connectionMaxIdleTime: field.duration({
    description: 'How long an idle connection is kept; 30 minutes when nothing else says it',
  }),
  queryExecMode: field.oneOf(queryExecModes, {
    description:
      'Anything but `cache_statement` leaves out prepared statements, which some connection poolers cannot take',
    default: 'cache_statement',
  }),
  useAzureAD: field.flag({ description: unsupported, default: false }),
  useAWSIAM: field.flag({ description: unsupported, default: false }),
};

export type StatePostgresqlMetadata = MetadataOf<typeof fields>;
