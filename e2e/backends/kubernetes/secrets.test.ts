import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { requireBackend } from '@outrigger/conformance';

import { login } from '../../stores/login.ts';
import { secretSuite } from '../../stores/secret-suite.ts';

requireBackend('OUTRIGGER_TEST_KUBERNETES_KUBECONFIG', 'eval "$(e2e/backends/up.sh kubernetes)"', (kubeconfig) => {
  secretSuite('kubernetes', async () => {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const api = config.makeApiClient(CoreV1Api);
    const namespace = login.folder;
    await api.createNamespace({ body: { metadata: { name: namespace } } });
    for (const [name, value] of Object.entries(login.secrets)) {
      await api.createNamespacedSecret({ namespace, body: { metadata: { name }, stringData: { [name]: value } } });
    }
  });
});
