import { readFileSync } from 'node:fs';
import { type ConnectionOptions, rootCertificates } from 'node:tls';
import { ComponentError, errorMessage } from '@outrigger/core';
import type { ConnectionParameters } from './connection-string.ts';

export type Tls = false | ConnectionOptions;

/**
 * What `sslmode` and its companions ask for, as libpq reads them: the ways to connect, each tried when the one before is not
 * what the server wants. `host` is the name in the certificate.
 */
export function tlsAttempts(parameters: ConnectionParameters, host: string): readonly Tls[] {
  const mode = parameters['sslmode'] ?? 'prefer';
  if (mode === 'disable' || host.startsWith('/')) return [false];
  const rootCert = parameters['sslrootcert'];
  const checks = mode === 'require' && rootCert !== undefined ? 'verify-ca' : mode;
  const common: ConnectionOptions = {
    ...(rootCert === undefined
      ? {}
      : { ca: rootCert === 'system' ? [...rootCertificates] : read('sslrootcert', rootCert) }),
    ...(parameters['sslcert'] === undefined ? {} : { cert: read('sslcert', parameters['sslcert']) }),
    ...(parameters['sslkey'] === undefined ? {} : { key: read('sslkey', parameters['sslkey']) }),
    ...(parameters['sslpassword'] === undefined ? {} : { passphrase: parameters['sslpassword'] }),
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
  };
  switch (checks) {
    case 'allow':
      return [false, { ...common, rejectUnauthorized: false }];
    case 'prefer':
      return [{ ...common, rejectUnauthorized: false }, false];
    case 'require':
      return [{ ...common, rejectUnauthorized: false }];
    case 'verify-ca':
      return [{ ...common, rejectUnauthorized: true, checkServerIdentity: () => undefined }];
    case 'verify-full':
      return [{ ...common, rejectUnauthorized: true }];
    default: {
      const modes = 'disable, allow, prefer, require, verify-ca or verify-full';
      throw new ComponentError('invalid-argument', `connectionString: sslmode should be ${modes}`);
    }
  }
}

function read(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const message = `connectionString: the file of ${name} cannot be read: ${errorMessage(error)}`;
    throw new ComponentError('invalid-argument', message, { cause: error });
  }
}
