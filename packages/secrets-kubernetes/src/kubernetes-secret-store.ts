import { ComponentError, type RequestMetadata, type Secret, type SecretStore } from '@outrigger/core';
import type { Answer, KubernetesApi } from './api.ts';

interface SecretResource {
  readonly metadata?: { readonly name?: string };
  /** In base64; missing when it is empty. */
  readonly data?: Readonly<Record<string, string>>;
}

interface SecretList {
  readonly metadata?: { readonly continue?: string };
  readonly items?: readonly SecretResource[];
}

/** What the API server answers instead of a resource. */
interface Status {
  readonly reason?: string;
  readonly message?: string;
}

interface Request {
  readonly metadata?: RequestMetadata;
}

const pageSize = 100;
// what Kubernetes lets a secret and a namespace be called
const secretName = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;
const namespaceName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Secrets of one namespace, or of the one that a request names. Nothing is kept: each call asks the API server. */
export class KubernetesSecretStore implements SecretStore {
  readonly features = ['multiple-key-values-per-secret'] as const;
  readonly #api: KubernetesApi;
  readonly #namespace: string | undefined;

  constructor(api: KubernetesApi, namespace: string | undefined) {
    this.#api = api;
    this.#namespace = namespace;
  }

  get(request: Request & { readonly name: string }, signal: AbortSignal): Promise<Secret | undefined> {
    return this.#api.calls.run(() => this.#get(request.name, request.metadata, signal), signal);
  }

  getAll({ metadata }: Request, signal: AbortSignal): Promise<Readonly<Record<string, Secret>>> {
    return this.#api.calls.run(() => this.#getAll(metadata, signal), signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#api.calls.close();
  }

  async #get(name: string, metadata: RequestMetadata | undefined, signal: AbortSignal): Promise<Secret | undefined> {
    const namespace = this.#namespaceOf(metadata);
    // no secret can have another name, and one with a slash in it would be another request
    if (!secretName.test(name)) return undefined;
    const answer = await this.#api.get(`/api/v1/namespaces/${namespace}/secrets/${name}`, signal);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw this.#refusal(answer, 'get', `secret ${name}`, namespace);
    return secretOf(answer.body);
  }

  async #getAll(metadata: RequestMetadata | undefined, signal: AbortSignal): Promise<Record<string, Secret>> {
    const namespace = this.#namespaceOf(metadata);
    const path = `/api/v1/namespaces/${namespace}/secrets`;
    const secrets: [string, Secret][] = [];
    let query: Record<string, string> | undefined = { limit: String(pageSize) };
    while (query) {
      const answer = await this.#api.get(`${path}?${new URLSearchParams(query).toString()}`, signal);
      if (answer.status === 410 && query['continue'] !== undefined) {
        // the list has changed too much since its first page: the whole of it at once
        secrets.length = 0;
        query = {};
        continue;
      }
      if (answer.status !== 200) throw this.#refusal(answer, 'list', 'secrets', namespace);
      const { items = [], metadata: page = {} }: SecretList = answer.body;
      for (const item of items) secrets.push([item.metadata?.name ?? '', secretOf(item)]);
      query = page.continue ? { limit: String(pageSize), continue: page.continue } : undefined;
    }
    return Object.fromEntries(secrets);
  }

  #namespaceOf(metadata: RequestMetadata | undefined): string {
    const namespace = metadata?.['namespace'] || this.#namespace;
    if (namespace === undefined) {
      const message = 'no namespace: set defaultNamespace, the variable NAMESPACE or the request’s metadata namespace';
      throw new ComponentError('invalid-argument', message);
    }
    if (namespaceName.test(namespace)) return namespace;
    throw new ComponentError('invalid-argument', `${JSON.stringify(namespace)} is no name of a namespace`);
  }

  #refusal({ status, body }: Answer, verb: string, what: string, namespace: string): ComponentError {
    const { reason = '', message = '' } = body as Status;
    const where = `${what} in the namespace ${namespace}`;
    if (status === 403) {
      const fix = `its role needs the verb "${verb}" on the resource "secrets" there`;
      const said = message === '' ? '' : ` (${message})`;
      return new ComponentError('invalid-argument', `no right to ${verb} ${where}: ${fix}${said}`);
    }
    return new ComponentError(
      'internal',
      `${this.#api.server} cannot ${verb} ${where}: ${status} ${reason} ${message}`,
    );
  }
}

function secretOf({ data = {} }: SecretResource): Secret {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
}
