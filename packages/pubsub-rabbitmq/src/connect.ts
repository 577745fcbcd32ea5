import { isIP } from 'node:net';
import { abortable, ComponentError, errorMessage } from '@outrigger/core';
import type { ChannelModel } from 'amqplib';
import { type BrokerAddress, showAddress } from './broker-address.ts';

export interface ConnectOptions {
  /** Seconds; 0: no heartbeats. */
  readonly heartbeatSeconds: number;
  /** How the broker's own views call this connection. */
  readonly clientName: string;
}

/** Opens one connection, or rejects with a ComponentError that names the field to mend. */
export type Connect = (signal: AbortSignal) => Promise<ChannelModel>;

/** How long the broker may stay silent while a connection is made. */
const silenceMs = 10_000;

export function connectTo(address: BrokerAddress, { heartbeatSeconds, clientName }: ConnectOptions): Connect {
  const { protocol, hostname, port, vhost, username, password, saslExternal, tls } = address;
  return async (signal) => {
    signal.throwIfAborted();
    const { connect, credentials } = await import('amqplib');
    const connecting = connect(
      // the library decodes the name of the virtual host once more
      { protocol, hostname, port, username, password, vhost: encodeURIComponent(vhost), heartbeat: heartbeatSeconds },
      {
        ...(protocol === 'amqps' && { ...tls, ...(!isIP(hostname) && { servername: hostname }) }),
        ...(saslExternal && { credentials: credentials.external() }),
        noDelay: true,
        keepAlive: true,
        timeout: silenceMs,
        clientProperties: { connection_name: clientName },
      },
    ).catch((error: unknown) => {
      throw connectError(error, address);
    });
    try {
      return await abortable(connecting, signal);
    } catch (error) {
      // one that nobody waits for any more is closed as soon as it is there
      void connecting.then(destroy, () => {});
      throw error;
    }
  };
}

/** Ends a connection without asking the broker. */
export function destroy(model: ChannelModel): void {
  // a listener, or what comes late would end the process
  model.on('error', () => {});
  // The library ends its socket but does not destroy it, so one whose peer is silent would stay for minutes. It notices errors and
  // the peer's end only: without an error its promises would stay open, and its heartbeats go on.
  const { stream } = model.connection as { stream?: { destroy?: (error: Error) => void } };
  stream?.destroy?.(new Error('the connection was given up'));
}

function connectError(error: unknown, address: BrokerAddress): ComponentError {
  const where = showAddress(address);
  const message = errorMessage(error);
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const login = address.saslExternal ? 'clientCert with saslExternal' : 'username and password';
  const wrong = (text: string) => new ComponentError('invalid-argument', text, { cause: error });
  const away = (text: string) => new ComponentError('unavailable', text, { cause: error });
  if (/ACCESS.REFUSED.*vhost|vhost.*refused/i.test(message)) {
    return wrong(
      `${where}: the user has no access to the virtual host "${address.vhost}"; check connectionString and the user's permissions`,
    );
  }
  if (/ACCESS.REFUSED/.test(message)) return wrong(`${where} refused the login: check connectionString, or ${login}`);
  // the library does not repeat what the broker says when it refuses to open the virtual host, the last step
  if (/NOT.ALLOWED|Expected ConnectionOpenOk/.test(message)) {
    return wrong(
      `${where} lets the user not into the virtual host "${address.vhost}", or there is none of this name: check the path of connectionString and the user's permissions`,
    );
  }
  if (/SASL mechanism/.test(message)) return wrong(`${where}: ${message}; check saslExternal`);
  if (code === 'ENOTFOUND') return away(`${where}: no such host; check connectionString or hostname`);
  if (/^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|UNABLE_|SELF_SIGNED|DEPTH_ZERO|EPROTO)/.test(code)) {
    return wrong(
      `${where}: TLS failed (${message}); check caCert, clientCert and clientKey, and that the port speaks TLS`,
    );
  }
  if (/Expected ConnectionStart|Invalid frame|Frame size/.test(message)) {
    return wrong(`${where}: the server does not speak AMQP 0-9-1 there; check the port`);
  }
  return away(`${where} cannot be reached: ${message}; check connectionString or hostname, and that the broker runs`);
}
