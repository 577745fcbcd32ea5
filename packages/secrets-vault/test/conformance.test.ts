import { requireBackend } from '@outrigger/conformance';
import { secretStoreConformance } from '@outrigger/conformance/secrets';
import { afterAll, beforeAll, describe } from 'vitest';
import { howToStart, oddSecrets, open, Vault } from './vault.ts';
import { VaultServer } from './vault-server.ts';

const versions = [
  { name: 'changed', metadata: { version_id: '1' }, secret: { value: 'first' } },
  { name: 'changed', metadata: { version_id: '2' }, secret: { value: 'second' } },
  { name: 'changed', metadata: { version_id: '3' }, secret: undefined },
];

requireBackend('OUTRIGGER_TEST_VAULT', howToStart, (address) => {
  describe.each([1, 2] as const)('secretstores.hashicorp.vault on a KV engine of version %i', (version) => {
    const vault = Vault.at(address);
    let enginePath: string;
    beforeAll(async () => {
      enginePath = await vault.mountWithSecrets(version);
      for (const [name, data] of Object.entries(oddSecrets)) {
        await vault.write(enginePath, version, `dapr/${name}`, data);
      }
      if (version === 2) await vault.write(enginePath, 2, 'dapr/changed', { value: 'first' });
      await vault.write(enginePath, version, 'dapr/changed', { value: 'second' });
    });
    afterAll(() => vault.api('DELETE', `sys/mounts/${enginePath}`));

    const [host = '', port = ''] = address.split(':');
    const create = (vaultAddr = vault.url) =>
      open({ vaultAddr, vaultToken: vault.token, enginePath, timeout: '3s', vaultKVVersion: 'auto' });
    secretStoreConformance(() => create(), {
      oddSecrets,
      credentials: [vault.token],
      versions: version === 1 ? [] : versions,
      failsWithinMs: 5000,
      network: { host, port: Number(port), create: (route) => create(`http://${route.address}`) },
    });
  });
});

requireBackend('OUTRIGGER_TEST_VAULT_PROGRAM', howToStart, (program) => {
  describe('secretstores.hashicorp.vault on a server that is killed', () => {
    let server: VaultServer;
    let enginePath: string;
    beforeAll(async () => {
      server = await VaultServer.start(program);
      enginePath = await server.vault.mountWithSecrets(2);
    });
    afterAll(() => server[Symbol.asyncDispose]());

    secretStoreConformance(
      () => open({ vaultAddr: server.vault.url, vaultToken: server.vault.token, enginePath, timeout: '3s' }),
      {
        failsWithinMs: 5000,
        server: { kill: () => server.kill(), start: () => server.restart() },
      },
    );
  });
});
