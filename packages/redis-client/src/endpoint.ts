import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { ComponentError } from '@outrigger/core';
import type { RedisMetadata } from './fields.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** The servers that `redisHost` and `redisPort` name. Throws `invalid-argument` for what is no address. */
export function endpoints(metadata: RedisMetadata): Endpoint[] {
  const fallback = metadata.redisPort ?? (metadata.failover ? 26_379 : 6379);
  const named = metadata.redisHost.split(',').map((entry) => entry.trim());
  return named.filter((entry) => entry !== '').map((entry) => endpoint(entry, fallback, metadata.redisPort));
}

function endpoint(text: string, fallback: number, declared: number | undefined): Endpoint {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? (isIP(text) === 6 ? text : undefined);
  const port = match?.[3] === undefined ? fallback : Number(match[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new ComponentError('invalid-argument', `redisHost: "${text}" is not an address such as "localhost:6379"`);
  }
  if (match?.[3] !== undefined && declared !== undefined && declared !== port) {
    throw new ComponentError(
      'invalid-argument',
      `redisPort is ${declared} but redisHost says ${port}: leave one of them out`,
    );
  }
  return { host, port };
}

export function showEndpoint({ host, port }: Endpoint): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** TLS options for the server called `host`, or `undefined` when TLS is off. */
export function tlsOptions(metadata: RedisMetadata, host: string): ConnectionOptions | undefined {
  if (!metadata.enableTLS) return undefined;
  const { clientCert, clientKey } = metadata;
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    throw new ComponentError('invalid-argument', 'clientCert and clientKey belong together: set both or none');
  }
  return {
    rejectUnauthorized: !metadata.insecureSkipTLSVerify,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(clientCert === undefined || clientKey === undefined ? {} : { cert: clientCert, key: clientKey }),
  };
}
