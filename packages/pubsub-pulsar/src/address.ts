import { ComponentError } from '@outrigger/core';

export type TransportName = 'native' | 'websocket';

export interface AddressSettings {
  readonly host: string;
  readonly enableTLS: boolean;
  readonly webSocketURL?: string | undefined;
  readonly transport?: TransportName | undefined;
}

export interface PulsarAddress {
  readonly transport: TransportName;
  /** For the native transport `pulsar://host:port` and the like; for the WebSocket API `ws://host:port`. Without a slash at its end. */
  readonly url: string;
}

/** Ports that Pulsar's binary protocol has by default, without and with TLS. */
const binaryPorts: ReadonlySet<string> = new Set(['6650', '6651']);
const schemes = ['pulsar', 'pulsar+ssl', 'http', 'https', 'ws', 'wss'];

function invalid(message: string): ComponentError {
  return new ComponentError('invalid-argument', message);
}

/**
 * Which transport to use and at which address. An `http(s)://` address serves both: the native client looks brokers up there,
 * and it is where the WebSocket API is. `host:port` is a binary port to the native client and an HTTP port to the other.
 */
export function resolveAddress(settings: AddressSettings, isNativeInstalled: boolean): PulsarAddress {
  const { scheme, rest } = split(settings.host);
  const isWebSocket = scheme === 'ws' || scheme === 'wss';
  const transport = settings.transport ?? (isNativeInstalled && !isWebSocket ? 'native' : 'websocket');
  if (transport === 'websocket') return { transport, url: webSocketUrl(settings, scheme, rest) };
  if (isWebSocket)
    throw invalid('host is an address of the WebSocket API; set transport to websocket, or give a pulsar:// address');
  if (!isNativeInstalled) {
    throw invalid(
      'transport native needs the package pulsar-client: npm install pulsar-client, or set transport to websocket',
    );
  }
  return { transport, url: `${scheme ?? (settings.enableTLS ? 'pulsar+ssl' : 'pulsar')}://${rest}` };
}

function webSocketUrl({ enableTLS, webSocketURL }: AddressSettings, scheme: string | undefined, rest: string): string {
  if (webSocketURL) {
    const given = split(webSocketURL, 'webSocketURL');
    if (given.scheme?.startsWith('pulsar'))
      throw invalid('webSocketURL must be a ws:// or wss:// address, such as ws://localhost:8080');
    return `${isSecure(given.scheme, enableTLS) ? 'wss' : 'ws'}://${given.rest}`;
  }
  const isBinary = scheme?.startsWith('pulsar') ?? binaryPorts.has(rest.split(':')[1] ?? '6650');
  if (isBinary) {
    throw invalid(
      "host is an address of Pulsar's binary protocol, and the WebSocket transport needs its HTTP port: give that one " +
        '(http://localhost:8080), set webSocketURL, or install the package pulsar-client to use the binary protocol',
    );
  }
  return `${isSecure(scheme, enableTLS) ? 'wss' : 'ws'}://${rest}`;
}

function isSecure(scheme: string | undefined, enableTLS: boolean): boolean {
  return scheme === undefined ? enableTLS : scheme === 'https' || scheme === 'wss';
}

// An address may hold a secret, so none is repeated in a message.
function split(address: string, field = 'host'): { readonly scheme: string | undefined; readonly rest: string } {
  const match = /^(?:([a-z+]+):\/\/)?([^\s/?#@]+)\/*$/i.exec(address.trim());
  const scheme = match?.[1]?.toLowerCase();
  if (!match?.[2] || (scheme !== undefined && !schemes.includes(scheme))) {
    throw invalid(
      `${field} must be host:port, or host:port after one of ${schemes.map((known) => `${known}://`).join(', ')}`,
    );
  }
  return { scheme, rest: match[2] };
}
