import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** The one call of the Kubernetes API that Vault makes, TokenReview, for service accounts of the namespace `shop`. */
export class KubernetesApi implements AsyncDisposable {
  /** The tokens that Vault has asked about. */
  readonly reviewed: string[] = [];
  readonly #server: Server;
  readonly #key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  readonly #accounts = new Map<string, string>();

  private constructor() {
    this.#server = createServer((request, response) => {
      void json(request).then((review) => {
        const { token } = (review as { spec: { token: string } }).spec;
        this.reviewed.push(token);
        const account = this.#accounts.get(token);
        const user = account && {
          username: `system:serviceaccount:shop:${account}`,
          uid: uidOf(account),
          groups: ['system:serviceaccounts', 'system:serviceaccounts:shop'],
        };
        response.writeHead(201, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({
            apiVersion: 'authentication.k8s.io/v1',
            kind: 'TokenReview',
            status: { authenticated: user !== undefined, user },
          }),
        );
      });
    });
  }

  static async start(): Promise<KubernetesApi> {
    const api = new KubernetesApi();
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A new token of a service account. */
  tokenOf(account: string): string {
    const name = 'kubernetes.io/serviceaccount';
    const claims = {
      iss: name,
      [`${name}/namespace`]: 'shop',
      [`${name}/service-account.name`]: account,
      [`${name}/service-account.uid`]: uidOf(account),
      [`${name}/secret.name`]: `${account}-token`,
      sub: `system:serviceaccount:shop:${account}`,
      jti: randomUUID(),
    };
    const text = [{ alg: 'RS256', typ: 'JWT' }, claims].map(encoded).join('.');
    const token = `${text}.${sign('RSA-SHA256', Buffer.from(text), this.#key).toString('base64url')}`;
    this.#accounts.set(token, account);
    return token;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function uidOf(account: string): string {
  return `uid-of-${account}`;
}
