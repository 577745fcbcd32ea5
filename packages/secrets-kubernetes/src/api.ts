import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import { ComponentError, errorMessage, OpenCalls } from '@outrigger/core';
import type { Cluster } from './cluster.ts';

/** An answer of the API server; `body` is what the JSON says. */
export interface Answer {
  readonly status: number;
  readonly body: object;
}

/** Milliseconds that a request may take. */
const requestTimeout = 10_000;

/** Asks one API server. */
export class KubernetesApi {
  readonly #cluster: Cluster;
  /** Those of whoever uses this: closed with it. */
  readonly calls: OpenCalls;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.calls = new OpenCalls({ server: this.server, timeout: requestTimeout });
  }

  get server(): string {
    return `the Kubernetes API at ${this.#cluster.url.host}`;
  }

  get namespace(): string | undefined {
    return this.#cluster.namespace;
  }

  get hint(): string {
    return this.#cluster.hint;
  }

  /**
   * Resolves with any answer that is about what was asked for: found, missing, forbidden. Rejects where the server cannot be
   * reached (`unavailable`), refuses the login (`invalid-argument`) or cannot answer.
   */
  get(path: string, signal: AbortSignal): Promise<Answer> {
    return this.calls.request((attempt) => this.#get(path, attempt), signal);
  }

  async #get(path: string, signal: AbortSignal): Promise<Answer> {
    const { url, hint } = this.#cluster;
    const login = await this.#cluster.login();
    let answer: { readonly status: number; readonly content: string };
    try {
      const target = new URL(url.pathname.replace(/\/$/, '') + path, url);
      answer = await send(target, { ...login, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw unreachable(error, this.server, hint);
    }
    const { status, content } = answer;
    if (status === 401) {
      throw new ComponentError('invalid-argument', `${this.server} does not accept the login (401); ${hint}`);
    }
    if (status === 429 || status >= 500) {
      throw new ComponentError('unavailable', `${this.server} cannot answer now (${status})`);
    }
    const body = parseObject(content);
    if (body !== undefined) return { status, body };
    // what cannot be read may still hold a secret
    throw new ComponentError('internal', `${this.server} sent something that is no JSON object (${status}); ${hint}`);
  }
}

type Options = Awaited<ReturnType<Cluster['login']>> & { readonly signal: AbortSignal };

async function send(url: URL, { headers, ...options }: Options) {
  const { promise, resolve, reject } = Promise.withResolvers<{ readonly status: number; readonly content: string }>();
  const request = (url.protocol === 'http:' ? requestHttp : requestHttps)(
    url,
    { ...options, headers: Object.assign({ accept: 'application/json', 'user-agent': 'outrigger' }, headers) },
    (response) => {
      text(response).then((content) => resolve({ status: response.statusCode ?? 0, content }), reject);
    },
  );
  request.on('error', reject).end();
  return await promise;
}

function parseObject(content: string): object | undefined {
  try {
    const value: unknown = JSON.parse(content);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function unreachable(error: unknown, server: string, hint: string): ComponentError {
  const reason = errorMessage(error);
  const { code = '' } = error as NodeJS.ErrnoException;
  const isTls = /CERT|SELF_SIGNED|SSL|TLS|PEM|KEY_VALUES|ISSUER/.test(code);
  const fix = isTls ? `its certificate and the login’s do not fit: ${hint}` : `is it running? Else ${hint}`;
  return new ComponentError('unavailable', `cannot reach ${server} (${reason}): ${fix}`, { cause: error });
}
