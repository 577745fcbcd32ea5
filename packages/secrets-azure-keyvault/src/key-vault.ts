import type { SecretClient, SecretClientOptions } from '@azure/keyvault-secrets';
import { ComponentError, type ErrorCode, type RequestMetadata, type Secret, type SecretService } from '@outrigger/core';

/** Few and quick repeats: how long a call may take is the caller's to say. */
export const clientOptions: SecretClientOptions = {
  retryOptions: { maxRetries: 2, retryDelayInMs: 200, maxRetryDelayInMs: 1000 },
  userAgentOptions: { userAgentPrefix: 'outrigger' },
};

const secretName = /^[0-9a-zA-Z-]{1,127}$/;
const secretVersion = /^[0-9a-zA-Z]{1,64}$/;

/** What the SDK's errors have in common; the rest of them holds requests with their tokens, and is let go of. */
interface Failure {
  readonly name?: string;
  readonly code?: string;
  readonly statusCode?: number;
  readonly message?: string;
  /** What the vault has answered; missing where a list failed. */
  readonly details?: { readonly error?: { readonly code?: string; readonly message?: string } };
}

/** One vault. */
export class KeyVault implements SecretService {
  readonly title: string;
  readonly features = [];
  readonly timeout: number;
  readonly addressFields = 'vaultName and azureEnvironment';
  readonly #client: SecretClient;

  constructor(client: SecretClient, timeout = 10_000) {
    this.#client = client;
    this.timeout = timeout;
    this.title = `the key vault ${client.vaultUrl}`;
  }

  async get(
    name: string,
    { version_id: version }: RequestMetadata,
    abortSignal: AbortSignal,
  ): Promise<Secret | undefined> {
    // no secret can be called otherwise, and the vault takes a slash for the beginning of something else
    if (!secretName.test(name) || (version && !secretVersion.test(version))) return undefined;
    try {
      const { value = '' } = await this.#client.getSecret(name, { abortSignal, ...(version && { version }) });
      return { [name]: value };
    } catch (error) {
      if ((error as Failure).statusCode === 404) return undefined;
      throw error;
    }
  }

  async *list({ maxresults }: RequestMetadata, abortSignal: AbortSignal): AsyncIterable<readonly string[]> {
    let left = limitOf(maxresults);
    for await (const page of this.#client.listPropertiesOfSecrets({ abortSignal }).byPage()) {
      const names = page.flatMap(({ enabled, name }) => (enabled === true ? name : [])).slice(0, left);
      yield names;
      left -= names.length;
      if (left <= 0) return;
    }
  }

  isForbidden(error: unknown): boolean {
    return (error as Failure).statusCode === 403;
  }

  failure(error: unknown, doing: string): ComponentError {
    if (ComponentError.is(error)) return error;
    const [kind, what] = reasonOf(error as Failure);
    return new ComponentError(kind, `${doing} in ${this.title} failed: ${what}`);
  }

  close(): void {
    // the SDK keeps nothing open that it would let go of
  }
}

function limitOf(maxresults: string | undefined): number {
  if (maxresults === undefined || maxresults === '') return Infinity;
  const limit = Number(maxresults);
  if (!Number.isInteger(limit))
    throw new ComponentError('invalid-argument', 'the metadata maxresults is not a whole number');
  return limit > 0 ? limit : Infinity;
}

const login = 'azureTenantId, azureClientId and azureClientSecret or azureCertificate';

function reasonOf(error: Failure): readonly [ErrorCode, string] {
  const { name = '', statusCode = 0, details } = error;
  const { code = error.code ?? '', message = error.message ?? '' } = details?.error ?? {};
  if (name === 'CredentialUnavailableError' || name === 'AggregateAuthenticationError') {
    return [
      'invalid-argument',
      `nobody could sign in (${entraCode(message)}); check ${login}, or the machine’s identity`,
    ];
  }
  if (name.startsWith('Authentication')) {
    return ['invalid-argument', `Microsoft Entra does not accept the login (${entraCode(message)}); check ${login}`];
  }
  if (statusCode === 401) return ['invalid-argument', 'the vault does not accept the login; check azureTenantId'];
  if (statusCode === 403) {
    return ['invalid-argument', `${message} (403 ${code}): the login needs the rights "get" and "list" on secrets`];
  }
  if (statusCode === 0) {
    return ['unavailable', `it cannot be reached (${code || name}); check vaultName and azureEnvironment`];
  }
  if (statusCode === 429 || statusCode >= 500) return ['unavailable', `${statusCode} ${code}`];
  return [statusCode === 400 ? 'invalid-argument' : 'internal', `${statusCode} ${code} ${message}`];
}

/** The number under which Entra explains a refusal; its sentence may name whom it refuses. */
function entraCode(message: string): string {
  return /AADSTS\d+/.exec(message)?.[0] ?? 'no code';
}
