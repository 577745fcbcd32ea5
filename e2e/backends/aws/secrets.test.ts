import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { requireBackend } from '@outrigger/conformance';

import { login } from '../../stores/login.ts';
import { secretSuite } from '../../stores/secret-suite.ts';

requireBackend('OUTRIGGER_TEST_AWS', 'eval "$(e2e/backends/up.sh aws)"', (address) => {
  const options = {
    endpoint: `http://${address}`,
    // what is stored in one region is not seen in another
    region: 'eu-north-1',
    credentials: { accessKeyId: 'e2e', secretAccessKey: 'e2e' },
  };

  secretSuite('aws-secretmanager', async () => {
    const client = new SecretsManagerClient(options);
    for (const [Name, SecretString] of Object.entries(login.secrets)) {
      await client.send(new CreateSecretCommand({ Name, SecretString }));
    }
    client.destroy();
  });

  secretSuite('aws-parameterstore', async () => {
    const client = new SSMClient(options);
    for (const [name, Value] of Object.entries(login.secrets)) {
      await client.send(new PutParameterCommand({ Name: `/${login.folder}/${name}`, Value, Type: 'SecureString' }));
    }
    client.destroy();
  });
});
