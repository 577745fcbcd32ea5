import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { ClientSecretCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import { clientOptions, KeyVault } from '../src/key-vault.ts';
import { authority, serverCertificate, serverKey } from './certificate.ts';

export const clientSecret = 'client-secret-of-the-test';
export const token = 'access-token-of-the-test';
const tenant = '72f988bf-86f1-41af-91ab-2d7cd011db47';

interface Version {
  readonly version: string;
  readonly value: string;
}

/** What the vault holds, the newest version first. */
export interface Stored {
  readonly enabled?: boolean;
  readonly versions: readonly Version[];
}

/**
 * Answers as the REST references of Key Vault (secrets, api-version 7.x) and of the Microsoft identity platform (client
 * credentials) document it: the challenge, tokens, secrets with their versions, pages of three, and the bodies of refusals.
 */
export class RecordedVault implements AsyncDisposable {
  readonly secrets = new Map<string, Stored>();
  /** What every request to the vault is refused with, once signed in. */
  refusal: { readonly status: number; readonly code: string; readonly message: string } | undefined;
  readonly #server: Server;
  #port = 0;

  constructor() {
    this.#server = createServer({ cert: serverCertificate, key: serverKey }, (request, response) => {
      void text(request).then((body) => {
        const {
          status,
          headers = {},
          content,
        } = this.#answer(new URL(request.url ?? '', this.url), request.headers.authorization, body);
        response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
        response.end(content === undefined ? '' : JSON.stringify(content));
      });
    });
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** The first time on a free port, later on the same. */
  async start(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Connections are cut, and new ones refused. */
  async kill(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** The vault through the SDK, which is told to trust this server. */
  open(secret: string = clientSecret, url: string = this.url): KeyVault {
    const test = { tlsOptions: { ca: authority } };
    const credential = new ClientSecretCredential(tenant, 'a-client', secret, {
      authorityHost: this.url,
      disableInstanceDiscovery: true,
      ...test,
    });
    const options = { ...clientOptions, ...test, disableChallengeResourceVerification: true };
    return new KeyVault(new SecretClient(url, credential, options), 2000);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  #answer({ pathname, searchParams }: URL, authorization: string | undefined, body: string): Answer {
    if (pathname.endsWith('/.well-known/openid-configuration')) return this.#discovery();
    if (pathname.endsWith('/oauth2/v2.0/token')) return tokenFor(new URLSearchParams(body));
    if (authorization !== `Bearer ${token}`) {
      const challenge = `Bearer authorization="${this.url}/${tenant}", resource="https://vault.azure.net"`;
      const content = refused('Unauthorized', 'AKV10000: Request is missing a Bearer or PoP token.');
      return { status: 401, headers: { 'www-authenticate': challenge }, content };
    }
    if (this.refusal) return { status: this.refusal.status, content: refused(this.refusal.code, this.refusal.message) };
    const [, collection, name = '', version] = pathname.split('/');
    if (collection !== 'secrets') return { status: 404, content: refused('NotFound', 'Not found') };
    return name === '' ? this.#page(Number(searchParams.get('$skiptoken') ?? 0)) : this.#secret(name, version);
  }

  #secret(name: string, version: string | undefined): Answer {
    const { enabled = true, versions = [] } = this.secrets.get(name) ?? {};
    const found = version ? versions.find((each) => each.version === version) : versions[0];
    if (found === undefined) {
      const message = `A secret with (name/id) ${name} was not found in this key vault.`;
      return { status: 404, content: refused('SecretNotFound', message) };
    }
    if (!enabled) {
      return { status: 403, content: refused('Forbidden', 'Operation get is not allowed on a disabled secret.') };
    }
    const id = `${this.url}/secrets/${name}/${found.version}`;
    return { status: 200, content: { value: found.value, id, attributes } };
  }

  #page(from: number): Answer {
    const names = [...this.secrets.keys()];
    const value = names.slice(from, from + 3).map((name) => ({
      contentType: 'text/plain',
      id: `${this.url}/secrets/${name}`,
      attributes: { ...attributes, enabled: this.secrets.get(name)?.enabled ?? true },
    }));
    const more = from + 3 < names.length;
    const nextLink = more ? `${this.url}/secrets?api-version=7.6&$skiptoken=${from + 3}` : null;
    return { status: 200, content: { value, nextLink } };
  }

  #discovery(): Answer {
    const base = `${this.url}/${tenant}`;
    return {
      status: 200,
      content: {
        token_endpoint: `${base}/oauth2/v2.0/token`,
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        end_session_endpoint: `${base}/oauth2/v2.0/logout`,
        issuer: `${base}/v2.0`,
        jwks_uri: `${base}/discovery/v2.0/keys`,
      },
    };
  }
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly content?: unknown;
}

const attributes = { enabled: true, created: 1_493_938_410, updated: 1_493_938_410, recoveryLevel: 'Recoverable' };

const refused = (code: string, message: string) => ({ error: { code, message } });

function tokenFor(form: URLSearchParams): Answer {
  if (form.get('client_secret') !== clientSecret) {
    return {
      status: 401,
      content: {
        error: 'invalid_client',
        error_description: 'AADSTS7000215: Invalid client secret provided. Ensure the secret being sent is the value.',
        error_codes: [7_000_215],
      },
    };
  }
  return {
    status: 200,
    content: { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token: token },
  };
}
