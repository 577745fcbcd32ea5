import { ComponentError } from '@outrigger/core';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { isClosedByPeer } from './client-errors.ts';
import type { ClientSettings } from './client-settings.ts';

/** How long a broker may take to say what it has against a certificate. */
const patienceMs = 2000;

/**
 * Why brokers have closed the first connection without a word of Kafka: they want a login, or TLS 1.3 has told them too late that
 * the client's certificate is not good enough. `undefined`: it is something else.
 */
export async function diagnose(error: unknown, settings: ClientSettings): Promise<ComponentError | undefined> {
  if (!isClosedByPeer(error)) return undefined;
  const brokers = settings.brokers.join(', ');
  const alert = settings.tls && (await tlsAlert(settings));
  if (alert !== undefined) {
    const text = `the brokers (${brokers}) refused the client's certificate: ${alert}; see clientCert and clientKey`;
    return new ComponentError('invalid-argument', text, { cause: error });
  }
  if (settings.sasl) return undefined;
  const text = `the brokers (${brokers}) closed the connection: if they want a login, set authType; else see brokers`;
  return new ComponentError('unavailable', text, { cause: error });
}

async function tlsAlert({ brokers, tls }: ClientSettings): Promise<string | undefined> {
  const [, host = '', port = '9092'] = /^(.*?)(?::(\d+))?$/.exec(brokers[0] ?? '') ?? [];
  const socket = connect({ ...tls, host, port: Number(port) });
  try {
    socket.resume();
    await once(socket, 'end', { signal: AbortSignal.timeout(patienceMs) });
    return undefined;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return /^ERR_SSL_.*ALERT/.test(code)
      ? code
          .replace(/^.*_ALERT_/, '')
          .replaceAll('_', ' ')
          .toLowerCase()
      : undefined;
  } finally {
    socket.destroy();
  }
}
