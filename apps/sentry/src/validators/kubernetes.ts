import { readFile } from 'node:fs/promises';
import { request as send } from 'node:https';
import { json } from 'node:stream/consumers';

import { errorMessage } from '@outrigger/core';
import { type SignCertificateRequest, SignCertificateRequest_TokenValidator } from '@outrigger/protocol/sentry';

import { defaultTrustDomain, RefusedTokenError, type Validator } from './validator.ts';

export interface KubernetesOptions {
  /** `https://host:port` of the API server. */
  readonly server: string;
  /** The roots of its certificate, in PEM. */
  readonly ca: string;
  /** Read for each request, as it is replaced from time to time. It has to be allowed to create token reviews and to get pods. */
  readonly tokenFile: string;
  /** Whom the tokens of workloads may be for: the SPIFFE id of this authority, and what older injectors ask for. */
  readonly audiences: readonly string[];
  /** Of workloads whose Configuration names none. Default `public`. */
  readonly trustDomain?: string;
  /** Of the services of Dapr's control plane, which may be in its namespace only. */
  readonly controlPlane: { readonly trustDomain: string; readonly namespace: string };
}

const mounted = '/var/run/secrets/kubernetes.io/serviceaccount';
const podNameKey = 'authentication.kubernetes.io/pod-name';
const appIdAnnotation = 'dapr.io/app-id';
const configAnnotation = 'dapr.io/config';
const controlPlaneAnnotation = 'dapr.io/control-plane';
const controlPlaneServices: readonly string[] = ['operator', 'placement', 'injector', 'sentry', 'scheduler'];
const rights =
  'its service account needs the cluster role system:auth-delegator, and to get pods and configurations.dapr.io';
/** Milliseconds. */
const patience = 5000;

/** What a process in a pod has. Rejects with an Error when this is none. */
export async function inClusterOptions(
  env: Readonly<Record<string, string | undefined>>,
): Promise<Pick<KubernetesOptions, 'server' | 'ca' | 'tokenFile'>> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (!host) throw new Error('the kubernetes validator needs to run in a pod: KUBERNETES_SERVICE_HOST is not set');
  const ca = await readFile(`${mounted}/ca.crt`, 'utf8');
  return { server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, ca, tokenFile: `${mounted}/token` };
}

interface TokenReview {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly error?: string;
    readonly audiences?: readonly string[];
    readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
  };
}

interface Pod {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: { readonly serviceAccountName?: string };
}

interface Configuration {
  readonly spec?: { readonly accessControl?: { readonly trustDomain?: string } };
}

/**
 * Tells workloads by the token of their pod's service account, which Kubernetes itself reviews: the namespace is the pod's, the
 * app id its annotation `dapr.io/app-id`, or its name, and the trust domain that of the Configuration which its annotation
 * `dapr.io/config` names. A pod with the annotation `dapr.io/control-plane` is a service of Dapr's control plane.
 */
export class KubernetesValidator implements Validator {
  readonly kind = SignCertificateRequest_TokenValidator.KUBERNETES;
  readonly #options: KubernetesOptions;

  constructor(options: KubernetesOptions) {
    this.#options = options;
  }

  async validate(
    { id, namespace, token }: SignCertificateRequest,
    signal: AbortSignal,
  ): Promise<{ readonly trustDomain: string }> {
    if (token === '') throw new RefusedTokenError('the request has no service account token');
    const { audiences } = this.#options;
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences } };
    const { status } = await this.#call<TokenReview>(
      'POST',
      '/apis/authentication.k8s.io/v1/tokenreviews',
      body,
      signal,
    );
    if (status?.authenticated !== true) {
      throw new RefusedTokenError(`Kubernetes does not accept the token${status?.error ? `: ${status.error}` : ''}`);
    }
    // a server that does not look at audiences answers with none
    if (status.audiences?.some((audience) => audiences.includes(audience)) !== true) {
      throw new RefusedTokenError(`the token is not for ${audiences.join(' or ')}`);
    }
    const [, ownNamespace, account] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(status.user?.username ?? '') ?? [];
    const podName = status.user?.extra?.[podNameKey]?.[0];
    if (ownNamespace === undefined || podName === undefined) {
      throw new RefusedTokenError('the token is not one of a pod’s service account');
    }
    if (ownNamespace !== namespace) throw new RefusedTokenError(`the token is one of the namespace ${ownNamespace}`);
    const pod = await this.#get<Pod>(`/api/v1/namespaces/${ownNamespace}/pods/${podName}`, signal);
    if (pod === undefined) throw new RefusedTokenError(`there is no pod ${podName} any more`);
    if (pod.spec?.serviceAccountName !== account) {
      throw new RefusedTokenError(`the token is not one of the service account of the pod ${podName}`);
    }
    const { [controlPlaneAnnotation]: service, ...annotations } = pod.metadata?.annotations ?? {};
    if (service !== undefined) return this.#controlPlane(service, id, ownNamespace, annotations);
    const appId = annotations[appIdAnnotation] ?? podName;
    if (appId !== id) throw new RefusedTokenError(`the pod ${podName} is one of the app ${appId}`);
    return { trustDomain: await this.#trustDomain(ownNamespace, annotations[configAnnotation], signal) };
  }

  #controlPlane(
    service: string,
    id: string,
    namespace: string,
    annotations: Readonly<Record<string, string>>,
  ): { readonly trustDomain: string } {
    const { controlPlane } = this.#options;
    if (namespace !== controlPlane.namespace) {
      throw new RefusedTokenError(`services of the control plane are in the namespace ${controlPlane.namespace} only`);
    }
    if (!controlPlaneServices.includes(service)) {
      throw new RefusedTokenError(`the control plane has no service ${service}`);
    }
    if (annotations[appIdAnnotation] !== undefined) {
      throw new RefusedTokenError(`a pod with ${controlPlaneAnnotation} cannot have ${appIdAnnotation}, too`);
    }
    if (id !== `dapr-${service}`) throw new RefusedTokenError(`the pod is one of dapr-${service}`);
    return { trustDomain: controlPlane.trustDomain };
  }

  async #trustDomain(namespace: string, configuration: string | undefined, signal: AbortSignal): Promise<string> {
    const { trustDomain = defaultTrustDomain } = this.#options;
    if (configuration === undefined) return trustDomain;
    const path = `/apis/dapr.io/v1alpha1/namespaces/${namespace}/configurations/${encodeURIComponent(configuration)}`;
    const found = await this.#get<Configuration>(path, signal);
    if (found === undefined) {
      throw new RefusedTokenError(
        `${configAnnotation}: the namespace ${namespace} has no Configuration ${configuration}`,
      );
    }
    return found.spec?.accessControl?.trustDomain || trustDomain;
  }

  /** `undefined`: there is none. */
  async #get<T>(path: string, signal: AbortSignal): Promise<T | undefined> {
    return this.#call<T | undefined>('GET', path, undefined, signal);
  }

  async #call<T>(method: string, path: string, body: unknown, signal: AbortSignal): Promise<T> {
    const { server, ca, tokenFile } = this.#options;
    try {
      const token = (await readFile(tokenFile, 'utf8')).trim();
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      const until = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
      const outgoing = send(new URL(path, server), { method, headers, ca, signal: until }, (answer) => {
        const { statusCode = 0 } = answer;
        if (statusCode >= 200 && statusCode < 300) {
          json(answer).then((value) => resolve(value as T), reject);
          return;
        }
        answer.resume();
        if (statusCode === 404 && method === 'GET') resolve(undefined as T);
        else reject(new Error(`status ${statusCode}${statusCode === 403 ? `; ${rights}` : ''}`));
      });
      outgoing.on('error', reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
      return await promise;
    } catch (error) {
      throw new Error(`Kubernetes was asked in vain (${method} ${path}): ${errorMessage(error)}`, { cause: error });
    }
  }
}
