import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireBackend } from '@outrigger/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { howToStart, open, secrets, Vault } from './vault.ts';

const { signal } = new AbortController();

requireBackend('OUTRIGGER_TEST_VAULT_TLS', howToStart, (address) => {
  const vault = Vault.at(process.env['OUTRIGGER_TEST_VAULT'] ?? '');
  const certificates = process.env['OUTRIGGER_TEST_VAULT_CERTS'] ?? '';
  const file = (name: string): string => join(certificates, name);
  const port = address.split(':')[1];
  let enginePath: string;
  let folder: string;

  beforeAll(async () => {
    enginePath = await vault.mountWithSecrets(2);
    folder = await mkdtemp(join(tmpdir(), 'vault-tls-'));
    await copyFile(file('ca.pem'), join(folder, 'one.pem'));
    await copyFile(file('other-ca.pem'), join(folder, 'two.pem'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function readWith(properties: Readonly<Record<string, string>>) {
    await using store = await open({
      vaultAddr: `https://${address}`,
      vaultToken: vault.token,
      enginePath,
      ...properties,
    });
    return await store.get({ name: 'conftestsecret' }, signal);
  }

  describe('Vault with TLS', () => {
    it('is trusted by its authority, from caPem, caPath or caCert', async () => {
      const caPem = await readFile(file('ca.pem'), 'utf8');
      expect(await readWith({ caPem })).toEqual(secrets['conftestsecret']);
      expect(await readWith({ caPath: folder })).toEqual(secrets['conftestsecret']);
      expect(await readWith({ caCert: file('ca.pem') })).toEqual(secrets['conftestsecret']);
      // in Dapr's order
      expect(await readWith({ caPem, caPath: '/none', caCert: '/none' })).toEqual(secrets['conftestsecret']);
    });

    it('is not trusted without its authority, which names the fields', async () => {
      for (const properties of [{}, { caCert: file('other-ca.pem') }]) {
        await expect(readWith(properties)).rejects.toMatchObject({
          code: 'unavailable',
          message: expect.stringMatching(/not trusted.*caPem, caPath or caCert/),
        });
      }
      expect(await readWith({ skipVerify: 'true' })).toEqual(secrets['conftestsecret']);
    });

    it('has to have a certificate for its name, or for tlsServerName', async () => {
      const caCert = file('ca.pem');
      expect(await readWith({ caCert, tlsServerName: 'vault.test' })).toEqual(secrets['conftestsecret']);
      expect(await readWith({ caCert, vaultAddr: `https://localhost:${port}/` })).toEqual(secrets['conftestsecret']);
      await expect(readWith({ caCert, tlsServerName: 'vault.example.com' })).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('tlsServerName'),
      });
    });

    it('is shown a client certificate, from a file or the metadata', async () => {
      const mount = await vault.enableAuth('cert');
      await vault.api('POST', `auth/${mount}/certs/client`, { certificate: await readFile(file('ca.pem'), 'utf8') });
      const login = { caCert: file('ca.pem'), clientCert: file('client.pem'), clientKey: file('client.key') };
      expect(await readWith(login)).toEqual(secrets['conftestsecret']);
      const clientCert = await readFile(file('client.pem'), 'utf8');
      expect(await readWith({ ...login, clientCert })).toEqual(secrets['conftestsecret']);
      await expect(readWith({ ...login, clientKey: file('server.key') })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('clientKey cannot be used'),
      });
    });

    it.each([
      [{ caPem: 'secret text' }, /caPem cannot be used/],
      [{ caCert: '/none' }, /caCert cannot be read: .*ENOENT/],
      [{ caPath: '/none' }, /caPath cannot be read: .*ENOENT/],
      [{ clientCert: '/none', clientKey: '/none' }, /clientCert is neither PEM text nor the path/],
      [{ clientKey: '-----BEGIN X' }, /clientKey needs clientCert/],
      [{ tlsServerName: '127.0.0.1' }, /tlsServerName is the name of a host/],
    ])('has its settings checked: %j', async (properties, message) => {
      await expect(readWith(properties)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(message),
      });
    });

    it('is not spoken to by http, nor a server without TLS by https, and the message says so', async () => {
      await expect(readWith({ vaultAddr: `http://${address}` })).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('https://'),
      });
      await expect(readWith({ vaultAddr: vault.url.replace('http', 'https') })).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('http://'),
      });
    });
  });
});
