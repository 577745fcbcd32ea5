import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { errorMessage, type Logger } from '@outrigger/core';
import type { VaultMetadata } from './fields.ts';
import type { VaultClientOptions } from './vault-client.ts';
import { refused } from './vault-failure.ts';

/** What the metadata says of TLS. Rejects with `invalid-argument`, naming the field, when it cannot be used. */
export async function tlsSettings(metadata: VaultMetadata, logger: Logger): Promise<VaultClientOptions['tls']> {
  if (metadata.skipVerify) logger.warn('skipVerify is on: whoever is between here and Vault can read its secrets');
  // one after another, so that of several wrong fields the same one is named each time
  const ca = metadata.skipVerify ? undefined : await authorities(metadata);
  const cert = await pemOf('clientCert', metadata.clientCert);
  const key = await pemOf('clientKey', metadata.clientKey);
  if ((cert === undefined) !== (key === undefined)) {
    const [there, missing] = cert === undefined ? ['clientKey', 'clientCert'] : ['clientCert', 'clientKey'];
    throw refused(`${there} needs ${missing}: a certificate and its key belong together`);
  }
  if (cert !== undefined) check('clientCert', () => new X509Certificate(cert));
  if (key !== undefined) check('clientKey', () => createPrivateKey(key));
  if (cert !== undefined && key !== undefined) check('clientKey', () => createSecureContext({ cert, key }));
  const { tlsServerName: servername } = metadata;
  if (servername !== undefined && isIP(servername) !== 0) {
    throw refused('tlsServerName is the name of a host, not an address');
  }
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: !metadata.skipVerify,
    ...(ca !== undefined && { ca: [...ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
  };
}

/** In Dapr's order: caPem, caPath, caCert; `undefined`: those of the system. */
async function authorities({ caPem, caPath, caCert }: VaultMetadata): Promise<readonly string[] | undefined> {
  if (caPem !== undefined) return [certificate('caPem', caPem)];
  if (caPath !== undefined) {
    const files = await attempt('caPath', () => readdir(caPath, { recursive: true, withFileTypes: true }));
    const pems: string[] = [];
    for (const file of files) {
      const path = join(file.parentPath, file.name);
      // Kubernetes mounts a folder of links, one of which leads to a folder
      const isLink = file.isSymbolicLink();
      const isFile = isLink ? (await attempt('caPath', () => stat(path))).isFile() : file.isFile();
      if (isFile) pems.push(certificate(`caPath: ${path}`, await attempt('caPath', () => readFile(path, 'utf8'))));
    }
    if (pems.length === 0) throw refused(`caPath: there is no file in ${caPath}`);
    return pems;
  }
  if (caCert === undefined) return undefined;
  return [certificate('caCert', await attempt('caCert', () => readFile(caCert, 'utf8')))];
}

function certificate(field: string, pem: string): string {
  check(field, () => new X509Certificate(pem));
  return pem;
}

async function pemOf(field: string, value: string | undefined): Promise<string | undefined> {
  if (value === undefined || value.includes('-----BEGIN ')) return value;
  try {
    return await readFile(value, 'utf8');
  } catch (error) {
    // the value may be a broken PEM text, and so a secret
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw refused(`${field} is neither PEM text nor the path of a file that can be read${code}`);
  }
}

async function attempt<T>(field: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw refused(`${field} cannot be read: ${errorMessage(error)}`, error);
  }
}

function check(field: string, use: () => unknown): void {
  try {
    use();
  } catch (error) {
    throw refused(`${field} cannot be used: ${errorMessage(error)}`, error);
  }
}
