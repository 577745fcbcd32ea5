import type { SecretManagerServiceClient } from '@google-cloud/secret-manager';
import {
  abortable,
  ComponentError,
  type ErrorCode,
  type RequestMetadata,
  type Secret,
  type SecretService,
} from '@outrigger/core';

const secretId = /^[A-Za-z0-9_-]{1,255}$/;

// the numbers of google.rpc.Code
const canceled = 1;
const invalidArgument = 3;
const deadlineExceeded = 4;
const notFound = 5;
const permissionDenied = 7;
const resourceExhausted = 8;
const failedPrecondition = 9;
const unavailable = 14;
const unauthenticated = 16;

/** What the SDK's errors have in common; the rest of them holds requests with their tokens, and is let go of. */
interface Failure {
  readonly code?: number | string;
  readonly message?: string;
}

/** The secrets of one project. */
export class SecretManager implements SecretService {
  readonly title: string;
  readonly features = [];
  readonly timeout: number;
  readonly addressFields = 'projectID and the network';
  readonly #client: SecretManagerServiceClient;
  readonly #project: string;
  readonly #options;

  constructor(client: SecretManagerServiceClient, project: string, timeout = 10_000) {
    this.#client = client;
    this.timeout = timeout;
    // the SDK would repeat a request for ten minutes
    this.#options = { retry: null, timeout };
    this.#project = `projects/${project}`;
    this.title = `Google Secret Manager (${this.#project})`;
  }

  async get(name: string, { version_id: version }: RequestMetadata, signal: AbortSignal): Promise<Secret | undefined> {
    // no secret and no version can be called otherwise, and a slash would lead elsewhere
    if (!secretId.test(name) || (version && !secretId.test(version))) return undefined;
    await this.#initialized(signal);
    try {
      const path = `${this.#project}/secrets/${name}/versions/${version || 'latest'}`;
      const [{ payload }] = await cancellable(this.#client.accessSecretVersion({ name: path }, this.#options), signal);
      return { [name]: Buffer.from(payload?.data ?? '').toString('utf8') };
    } catch (error) {
      if ((error as Failure).code === notFound) return undefined;
      throw error;
    }
  }

  async *list(_metadata: RequestMetadata, signal: AbortSignal): AsyncIterable<readonly string[]> {
    await this.#initialized(signal);
    let pageToken = '';
    do {
      const request = { parent: this.#project, pageSize: 100, ...(pageToken !== '' && { pageToken }) };
      const call = this.#client.listSecrets(request, { ...this.#options, autoPaginate: false });
      const [secrets, , answer] = await cancellable(call, signal);
      yield secrets.map(({ name }) => name?.slice(name.lastIndexOf('/') + 1) ?? '');
      pageToken = answer.nextPageToken ?? '';
    } while (pageToken !== '');
  }

  failure(error: unknown, doing: string): ComponentError {
    if (ComponentError.is(error)) return error;
    const [kind, what] = reasonOf(error as Failure);
    return new ComponentError(kind, `${doing} in ${this.title} failed: ${what}`);
  }

  isForbidden(error: unknown): boolean {
    return (error as Failure).code === permissionDenied;
  }

  close(): void {
    // rejects only where the client never had a login, and so nothing to close
    this.#client.close().catch(() => {});
  }

  /**
   * Rejects where there is no login. The client would say that by itself, but also in a promise that nobody sees, which ends the
   * process: nothing is called on it before.
   */
  async #initialized(signal: AbortSignal): Promise<void> {
    await abortable(this.#client.initialize(), signal);
  }
}

/** The promise, with the request behind it ended when the signal aborts. */
async function cancellable<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  const cancel = () => (call as { readonly cancel?: () => void }).cancel?.();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await call;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

function reasonOf({ code, message = '' }: Failure): readonly [ErrorCode, string] {
  const key = 'privateKeyID, privateKey and clientEmail';
  switch (code) {
    case unauthenticated:
      return ['invalid-argument', `Google does not accept the login; check ${key}`];
    case permissionDenied:
      return ['invalid-argument', `${message} (the role Secret Manager Secret Accessor reads, Viewer lists)`];
    case failedPrecondition:
    case invalidArgument:
      return ['invalid-argument', message];
    case notFound:
      return ['not-found', `${message}; check projectID`];
    case canceled:
    case deadlineExceeded:
      return ['deadline-exceeded', 'no answer in time'];
    case resourceExhausted:
    case unavailable:
      return ['unavailable', message];
    default:
  }
  if (message.includes('default credentials')) {
    return ['invalid-argument', `no Google credentials found; set ${key}, or give the machine an identity`];
  }
  return ['internal', message];
}
