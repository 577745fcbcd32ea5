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
  /** Of all workloads. Default `public`. */
  readonly trustDomain?: string;
}

const mounted = '/var/run/secrets/kubernetes.io/serviceaccount';
const podName = 'authentication.kubernetes.io/pod-name';
const appIdAnnotation = 'dapr.io/app-id';
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
    readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
  };
}

interface Pod {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

/**
 * Tells workloads by the token of their pod's service account, which Kubernetes itself reviews: the namespace is the pod's, and the
 * app id its annotation `dapr.io/app-id`, or its name.
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
    const { audiences, trustDomain = defaultTrustDomain } = this.#options;
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
    const [, , ownNamespace] = /^system:serviceaccount:(([^:]+):[^:]+)$/.exec(status.user?.username ?? '') ?? [];
    const pod = status.user?.extra?.[podName]?.[0];
    if (ownNamespace === undefined || pod === undefined) {
      throw new RefusedTokenError('the token is not one of a pod’s service account');
    }
    if (ownNamespace !== namespace) throw new RefusedTokenError(`the token is one of the namespace ${ownNamespace}`);
    const path = `/api/v1/namespaces/${encodeURIComponent(ownNamespace)}/pods/${encodeURIComponent(pod)}`;
    const { metadata } = await this.#call<Pod>('GET', path, undefined, signal);
    const appId = metadata?.annotations?.[appIdAnnotation] ?? pod;
    if (appId !== id) throw new RefusedTokenError(`the pod ${pod} is one of the app ${appId}`);
    return { trustDomain };
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
        reject(new Error(`status ${statusCode}`));
      });
      outgoing.on('error', reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
      return await promise;
    } catch (error) {
      throw new Error(`Kubernetes was asked in vain (${method} ${path}): ${errorMessage(error)}`, { cause: error });
    }
  }
}
