import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  type KubernetesObject,
  loadAllYaml,
} from '@kubernetes/client-node';
import { requireBackend } from '@outrigger/conformance';
import { expect, it } from 'vitest';

const folder = fileURLToPath(new URL('../../../deploy/kubernetes', import.meta.url));

requireBackend('OUTRIGGER_TEST_KUBERNETES_KUBECONFIG', 'eval "$(e2e/backends/up.sh kubernetes)"', (kubeconfig) => {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);

  it.each(readdirSync(folder).filter((file) => file.endsWith('.yaml')))(
    'the API server takes all of %s',
    async (file) => {
      const objects = loadAllYaml(readFileSync(join(folder, file), 'utf8')) as KubernetesObject[];
      expect(objects.length).toBeGreaterThan(3);
      // what lies in a namespace is refused where there is none, also in a dry run
      const name = `manifests-${Math.random().toString(36).slice(2, 8)}`;
      await config.makeApiClient(CoreV1Api).createNamespace({ body: { metadata: { name } } });
      const api = KubernetesObjectApi.makeApiClient(config);
      for (const object of objects) {
        const namespace = object.metadata?.namespace === undefined ? 'default' : name;
        const kind = `${object.kind} ${object.metadata?.name}`;
        const moved = { ...object, metadata: Object.assign({}, object.metadata, { namespace }) };
        const made = await api.create(moved, undefined, 'All').catch(String);
        // what the server does not know is not in what it answers
        const { apiVersion: _, kind: __, metadata: ___, ...given } = object;
        expect(made, kind).toMatchObject(given);
      }
    },
  );
});
