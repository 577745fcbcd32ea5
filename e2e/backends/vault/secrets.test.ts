import { requireBackend } from '@outrigger/conformance';

import { login } from '../../stores/login.ts';
import { secretSuite } from '../../stores/secret-suite.ts';

requireBackend('OUTRIGGER_TEST_VAULT', 'eval "$(e2e/backends/up.sh vault)"', (address) => {
  secretSuite('vault', async () => {
    for (const [name, value] of Object.entries(login.secrets)) {
      const response = await fetch(`http://${address}/v1/secret/data/${login.folder}/${name}`, {
        method: 'POST',
        headers: { 'x-vault-token': process.env['OUTRIGGER_TEST_VAULT_TOKEN'] ?? '' },
        body: JSON.stringify({ data: { [name]: value } }),
      });
      if (!response.ok) throw new Error(`Vault answered ${response.status}: ${await response.text()}`);
    }
  });
});
