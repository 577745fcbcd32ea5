import { ComponentError, type Logger } from '@outrigger/core';
import { KubernetesApi } from './api.ts';
import { kubeconfigCluster } from './kubeconfig.ts';
import { podCluster } from './pod.ts';

/**
 * The API server of the pod’s cluster, or of the kubeconfig outside of one, as Dapr chooses. Resolves when it has answered and
 * taken the login; whether that may read secrets is not asked.
 */
export async function connect(
  kubeconfigPath: string | undefined,
  logger: Logger,
  signal: AbortSignal,
): Promise<KubernetesApi> {
  const pod = await podCluster();
  if (pod !== undefined && kubeconfigPath !== undefined) {
    logger.info('kubeconfigPath is not used: this process runs in a pod with a service account');
  }
  return await tried(new KubernetesApi(pod ?? (await kubeconfigCluster(kubeconfigPath))), signal);
}

/** The same API once it has answered. */
export async function tried(api: KubernetesApi, signal: AbortSignal): Promise<KubernetesApi> {
  try {
    // open to everybody, but a login that is wrong is refused; where it is forbidden, the login was still taken
    await api.get('/version', signal);
    return api;
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new ComponentError('unavailable', `${api.server} has not answered yet; ${api.hint}`, { cause: error });
  }
}
