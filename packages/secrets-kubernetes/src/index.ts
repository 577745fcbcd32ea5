import { env } from 'node:process';
import { defineComponent, field } from '@outrigger/core';
import { connect } from './connect.ts';
import { loadLibrary } from './kubeconfig.ts';
import { KubernetesSecretStore } from './kubernetes-secret-store.ts';

export default defineComponent({
  kind: 'secrets',
  type: 'secretstores.kubernetes',
  version: 'v1',
  description: 'Kubernetes secrets',
  metadata: {
    defaultNamespace: field.text({
      description:
        'Namespace of the secrets, where neither the request’s metadata `namespace` nor the variable `NAMESPACE` names one. Default: the namespace of the pod, or of the kubeconfig’s context',
      example: 'default',
    }),
    kubeconfigPath: field.text({
      description:
        'Path of a kubeconfig, for a process outside the cluster. Default: the variable `KUBECONFIG`, then `~/.kube/config`. Not used in a pod with a service account',
      example: '/path/to/kubeconfig',
    }),
  },
  load: async () => (env['KUBERNETES_SERVICE_HOST'] ? undefined : await loadLibrary()),
  create: async ({ metadata, namespace, logger, signal }) => {
    const api = await connect(metadata.kubeconfigPath, logger, signal);
    return new KubernetesSecretStore(api, namespace || metadata.defaultNamespace || api.namespace);
  },
});
