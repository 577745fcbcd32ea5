import { errorMessage } from '@outrigger/core';

import type { HttpAppProtocol } from './http-client.ts';

/** What an app may be said to speak. */
export type AppProtocol = HttpAppProtocol | 'grpc' | 'grpcs';

/** What the first bytes of a server that does not speak TLS are taken for. */
const noTls: ReadonlySet<unknown> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_HTTP_REQUEST',
]);

/** Why an app has not answered; where it turns out to speak another protocol, with the flag that says so. */
export function appFailure(error: unknown, protocol: AppProtocol): string {
  const { code, reason } = error as { readonly code?: unknown; readonly reason?: unknown };
  const isHttp = protocol === 'https' || protocol === 'http';
  if (noTls.has(code)) return `it does not speak TLS: ${startWith(protocol === 'grpcs' ? 'grpc' : 'http')}`;
  if (code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL') {
    return isHttp
      ? `it speaks TLS, but no HTTP/1.1 over it: if it speaks gRPC, ${startWith('grpcs')}`
      : `it speaks TLS, but no HTTP/2 over it: if it speaks HTTP/1.1, ${startWith('https')}`;
  }
  if (typeof code === 'string' && code.startsWith('ERR_SSL_')) {
    return `TLS was not set up: ${typeof reason === 'string' ? reason : code}`;
  }
  const message = errorMessage(error);
  if (isHttp && message.includes('Expected HTTP/')) {
    return `it does not answer in HTTP/1.1: if it speaks gRPC, ${startWith(protocol === 'https' ? 'grpcs' : 'grpc')}`;
  }
  if (protocol === 'h2c' && code === 'ERR_HTTP2_ERROR') {
    return `it does not answer in HTTP/2 (${message}): if it speaks HTTP/1.1, ${startWith('http')}`;
  }
  return message;
}

function startWith(protocol: AppProtocol): string {
  return `start the sidecar with --app-protocol ${protocol}`;
}
