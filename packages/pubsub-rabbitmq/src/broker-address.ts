import type { SecureContextOptions } from 'node:tls';
import { ComponentError } from '@outrigger/core';

export interface AddressMetadata {
  readonly connectionString?: string;
  readonly protocol?: 'amqp' | 'amqps';
  readonly hostname: string;
  readonly username?: string;
  readonly password?: string;
  readonly caCert?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly saslExternal: boolean;
}

/** Where the broker is, and who we are to it. */
export interface BrokerAddress {
  readonly protocol: 'amqp' | 'amqps';
  readonly hostname: string;
  readonly port: number;
  readonly vhost: string;
  readonly username: string;
  readonly password: string;
  /** The user is the one of the client certificate. */
  readonly saslExternal: boolean;
  readonly tls: Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>;
}

/** For messages: everything but who we are. */
export function showAddress({ protocol, hostname, port, vhost }: BrokerAddress): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  return `${protocol}://${host}:${port}/${vhost === '/' ? '' : encodeURIComponent(vhost)}`;
}

/** Reads the fields that say where the broker is. Throws `invalid-argument` naming the field; never with its value. */
export function brokerAddress(metadata: AddressMetadata): BrokerAddress {
  const { connectionString, hostname, saslExternal, caCert, clientCert, clientKey } = metadata;
  const name = connectionString === undefined ? 'hostname' : 'connectionString';
  const url = parse(connectionString ?? `${metadata.protocol ?? 'amqp'}://${hostname}`, name);
  const protocol = url.protocol.slice(0, -1);
  if (protocol !== 'amqp' && protocol !== 'amqps') throw invalid(`${name} must begin with amqp:// or amqps://`);
  if (metadata.protocol !== undefined && metadata.protocol !== protocol) {
    throw invalid(`protocol is "${metadata.protocol}" but connectionString begins with ${protocol}://: leave one out`);
  }
  if (saslExternal && !(caCert && clientCert && clientKey)) {
    throw invalid('saslExternal needs caCert, clientCert and clientKey');
  }
  if (!clientCert !== !clientKey) {
    throw invalid(`${clientCert ? 'clientKey' : 'clientCert'} is missing: clientCert and clientKey go together`);
  }
  if (protocol === 'amqp' && (caCert || clientCert)) {
    throw invalid(
      `${caCert ? 'caCert' : 'clientCert'} needs TLS: use amqps:// in connectionString, or protocol: amqps`,
    );
  }
  const hasLogin = url.username !== '' || url.password !== '';
  const given = metadata.username !== undefined || metadata.password !== undefined;
  return {
    protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (protocol === 'amqps' ? 5671 : 5672) : Number(url.port),
    vhost: decode(url.pathname.slice(1), name) || '/',
    // beside a connectionString the single fields count for nothing, as with Dapr
    username: hasLogin
      ? decode(url.username, name)
      : connectionString === undefined && given
        ? (metadata.username ?? '')
        : 'guest',
    password: hasLogin
      ? decode(url.password, name)
      : connectionString === undefined && given
        ? (metadata.password ?? '')
        : 'guest',
    saslExternal,
    tls: {
      ...(caCert && { ca: caCert }),
      ...(clientCert && { cert: clientCert }),
      ...(clientKey && { key: clientKey }),
    },
  };
}

function parse(text: string, name: string): URL {
  if (!URL.canParse(text) || new URL(text).hostname === '') {
    throw invalid(
      name === 'hostname'
        ? 'hostname is no host name, or host:port'
        : 'connectionString is no URL such as amqp://user:password@host:5672/vhost; special characters of the password must be percent-encoded',
    );
  }
  return new URL(text);
}

function decode(text: string, name: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`${name} holds a % that begins no percent-encoded character: write it as %25`);
  }
}

function invalid(message: string): ComponentError {
  return new ComponentError('invalid-argument', message);
}
