import { availableParallelism } from 'node:os';
import { ComponentError, parseDuration } from '@outrigger/core';
import type { PoolConfig } from 'pg';
import { type ConnectionParameters, parseConnectionString } from './connection-string.ts';
import { queryExecModes, type StatePostgresqlMetadata } from './fields.ts';
import { type Tls, tlsAttempts } from './tls.ts';

export interface PostgresSettings {
  readonly pool: PoolConfig & { readonly max: number };
  /** The ways to connect; each is tried when the server does not want the one before. */
  readonly tls: readonly Tls[];
  /** `host:port`, for messages. */
  readonly address: string;
  /** Longest time of a call, in milliseconds. */
  readonly timeout: number;
  readonly preparesStatements: boolean;
}

// of libpq and of pgx, which Dapr uses; what is missing here is a parameter of the server's session
const known: ReadonlySet<string> = new Set(
  `host hostaddr port dbname user password passfile connect_timeout sslmode sslrootcert sslcert sslkey sslpassword sslsni
  sslnegotiation sslcrl sslcompression ssl_min_protocol_version ssl_max_protocol_version channel_binding application_name
  fallback_application_name client_encoding options keepalives keepalives_idle keepalives_interval keepalives_count
  tcp_user_timeout gssencmode krbsrvname krbspn service servicefile target_session_attrs load_balance_hosts require_auth
  min_protocol_version max_protocol_version min_read_buffer_size pool_max_conns pool_min_conns pool_min_idle_conns
  pool_max_conn_lifetime pool_max_conn_lifetime_jitter pool_max_conn_idle_time pool_health_check_period
  default_query_exec_mode statement_cache_capacity description_cache_capacity`.split(/\s+/),
);

/** Everything that the metadata says about connections. Throws a ComponentError that names the field to mend. */
export function settingsOf(metadata: StatePostgresqlMetadata): PostgresSettings {
  for (const name of ['useAzureAD', 'useAWSIAM'] as const) {
    if (metadata[name]) {
      throw new ComponentError(
        'unsupported',
        `${name}: not supported yet; give user and password in the connectionString`,
      );
    }
  }
  const parameters = parametersOf(metadata);
  refuseUnsupported(parameters);
  const { timeout } = metadata;
  const host = parameters['hostaddr'] ?? parameters['host'] ?? process.env['PGHOST'] ?? 'localhost';
  const port = number(parameters, 'port') ?? number({ port: process.env['PGPORT'] ?? '5432' }, 'port') ?? 5432;
  const connectTimeout = number(parameters, 'connect_timeout') ?? 0;
  const max = metadata.maxConns > 0 ? metadata.maxConns : (number(parameters, 'pool_max_conns') ?? 0);
  const idle = metadata.connectionMaxIdleTime || (duration(parameters, 'pool_max_conn_idle_time') ?? 1_800_000);
  const options = sessionOptions(parameters);
  return {
    address: `${host}:${port}`,
    timeout,
    tls: tlsAttempts(parameters, parameters['host'] ?? host),
    preparesStatements: execMode(metadata, parameters) === 'cache_statement',
    pool: {
      host,
      port,
      ...(parameters['user'] === undefined ? {} : { user: parameters['user'] }),
      ...(parameters['password'] === undefined ? {} : { password: parameters['password'] }),
      ...(parameters['dbname'] === undefined ? {} : { database: parameters['dbname'] }),
      ...(options === '' ? {} : { options }),
      application_name: parameters['application_name'] ?? parameters['fallback_application_name'] ?? 'outrigger',
      enableChannelBinding: parameters['channel_binding'] !== 'disable',
      keepAlive: parameters['keepalives'] !== '0',
      pipeline: true,
      connectionTimeoutMillis: connectTimeout > 0 ? Math.min(timeout, connectTimeout * 1000) : timeout,
      max: max > 0 ? max : Math.max(4, availableParallelism()),
      min: number(parameters, 'pool_min_conns') ?? 0,
      idleTimeoutMillis: idle,
      maxLifetimeSeconds: Math.ceil((duration(parameters, 'pool_max_conn_lifetime') ?? 3_600_000) / 1000),
    },
  };
}

function parametersOf(metadata: StatePostgresqlMetadata): ConnectionParameters {
  const { connectionString, host, hostaddr, port, database, user, password, sslRootCert } = metadata;
  const parts = { host, hostaddr, port: port?.toString(), dbname: database, user, password, sslrootcert: sslRootCert };
  const given = Object.entries(parts).filter((part): part is [string, string] => part[1] !== undefined);
  if (connectionString === undefined && given.length === 0) {
    throw new ComponentError(
      'invalid-argument',
      'connectionString is required, or host, user and database in its place',
    );
  }
  return { ...parseConnectionString(connectionString ?? ''), ...Object.fromEntries(given) };
}

function refuseUnsupported(parameters: ConnectionParameters): void {
  for (const name of ['service', 'passfile', 'sslcrl', 'require_auth'] as const) {
    if (parameters[name])
      throw new ComponentError('unsupported', `connectionString: ${name} is not supported; leave it out`);
  }
  if (!['any', undefined].includes(parameters['target_session_attrs'])) {
    throw new ComponentError(
      'unsupported',
      'connectionString: target_session_attrs is not supported; name the server to use',
    );
  }
}

function execMode(metadata: StatePostgresqlMetadata, parameters: ConnectionParameters): string {
  if (metadata.queryExecMode !== 'cache_statement') return metadata.queryExecMode;
  const mode = parameters['default_query_exec_mode'];
  const found = mode === undefined ? 'cache_statement' : queryExecModes.find((each) => each === mode);
  if (found === undefined) throw wrong('default_query_exec_mode', `one of ${queryExecModes.join(', ')}`);
  return found;
}

/** Settings of the session, such as `search_path`, go to the server as `-c` options. */
function sessionOptions(parameters: ConnectionParameters): string {
  const settings = Object.entries(parameters)
    .filter(([name]) => !known.has(name))
    .map(([name, value]) => `-c ${name}=${value.replace(/[\s\\]/g, String.raw`\$&`)}`);
  return [...(parameters['options'] ? [parameters['options']] : []), ...settings].join(' ');
}

function number(parameters: ConnectionParameters, name: string): number | undefined {
  const text = parameters[name];
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,9}$/.test(text)) throw wrong(name, 'a whole number');
  return Number(text);
}

function duration(parameters: ConnectionParameters, name: string): number | undefined {
  const text = parameters[name];
  if (text === undefined) return undefined;
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined || milliseconds < 0) throw wrong(name, 'a duration such as 30m');
  return milliseconds;
}

function wrong(name: string, expected: string): ComponentError {
  return new ComponentError('invalid-argument', `connectionString: ${name} should be ${expected}`);
}
