import { requireBackend } from '@outrigger/conformance';
import { silentLogger } from '@outrigger/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { howToStart, open, secrets } from './vault.ts';
import { VaultServer } from './vault-server.ts';

const { signal } = new AbortController();

requireBackend('OUTRIGGER_TEST_VAULT_PROGRAM', howToStart, (program) => {
  describe('a Vault that does not serve', () => {
    let server: VaultServer;
    let enginePath: string;
    beforeAll(async () => {
      server = await VaultServer.start(program);
      enginePath = await server.vault.mountWithSecrets(2);
    });
    afterAll(() => server[Symbol.asyncDispose]());

    const connect = (properties: Readonly<Record<string, string>> = {}) =>
      open({ vaultAddr: server.vault.url, vaultToken: server.vault.token, enginePath, ...properties });

    it('because it is sealed is unavailable, and serves again once it is unsealed', async () => {
      await using store = await connect();
      await server.seal();
      const sealed = { code: 'unavailable', message: expect.stringContaining('it is sealed; unseal it') };
      await expect(store.get({ name: 'conftestsecret' }, signal)).rejects.toMatchObject(sealed);
      await expect(store.getAll?.({}, signal)).rejects.toMatchObject(sealed);
      await expect(connect()).rejects.toMatchObject(sealed);
      await server.unseal();
      expect(await store.get({ name: 'conftestsecret' }, signal)).toEqual(secrets['conftestsecret']);
    });

    it('because it was killed is unavailable at once, and serves again once it is back', async () => {
      const lines: string[] = [];
      const line = (message: string) => void lines.push(message);
      await using store = await open(
        { vaultAddr: server.vault.url, vaultToken: server.vault.token, enginePath },
        { logger: { ...silentLogger, warn: line, info: line } },
      );
      await server.kill();
      const asked = performance.now();
      const gone = {
        code: 'unavailable',
        message: expect.stringMatching(/cannot reach Vault at .*ECONNREFUSED.*vaultAddr/),
      };
      await expect(store.get({ name: 'conftestsecret' }, signal)).rejects.toMatchObject(gone);
      await expect(store.getAll?.({}, signal)).rejects.toMatchObject(gone);
      await expect(connect()).rejects.toMatchObject(gone);
      expect(performance.now() - asked).toBeLessThan(2000);
      await server.restart();
      expect(await store.getAll?.({}, signal)).toEqual(secrets);
      expect(lines).toEqual([
        expect.stringMatching(/^no answer from Vault: cannot reach/),
        expect.stringMatching(/answers again$/),
      ]);
    });

    it('has no engine of the name in enginePath, or one of another kind', async () => {
      // at the start Vault does not tell what it does not have from what the token may not know
      await using store = await connect({ enginePath: 'nothing-here' });
      await expect(store.get({ name: 'conftestsecret' }, signal)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(/nothing-here.*Is enginePath right/),
      });
      await expect(connect({ enginePath: 'sys' })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('not kv'),
      });
    });
  });
});
