import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SecretManagerServiceClient } from '@google-cloud/secret-manager';
import * as login from 'google-auth-library';
import { clientOptions } from '../src/credentials.ts';
import { SecretManager } from '../src/secret-manager.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
export const project = 'my-project';
const email = 'reader@my-project.iam.gserviceaccount.com';

/** The states of a version, in the words of the API. */
type State = 'ENABLED' | 'DISABLED';

/**
 * Answers as the REST reference of Secret Manager v1 documents it: secrets of one project with their versions, pages of three, and
 * the bodies of errors.
 */
export class RecordedProject implements AsyncDisposable {
  /** The versions of each secret, the oldest first. */
  readonly secrets = new Map<string, readonly { readonly value: string; readonly state?: State }[]>();
  /** What every request is refused with. */
  refusal: { readonly code: number; readonly status: string; readonly message: string } | undefined;
  readonly #server: Server;
  #port = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      const { status, content } = this.#answer(new URL(request.url ?? '', 'http://x'), request.headers.authorization);
      response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' });
      response.end(JSON.stringify(content));
    });
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

  /** The project through the SDK, which is told where this server is. */
  open(port: number = this.#port): SecretManager {
    const metadata = {
      projectID: project,
      type: 'service_account',
      privateKeyID: 'key-id',
      privateKey: key,
      clientEmail: email,
    };
    const at = { protocol: 'http', apiEndpoint: '127.0.0.1', port };
    return new SecretManager(
      new SecretManagerServiceClient({ ...clientOptions(metadata, login), ...at }),
      project,
      2000,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  #answer({ pathname, searchParams }: URL, authorization: string | undefined): Answer {
    if (issuerOf(authorization) !== email) {
      const message = 'Request had invalid authentication credentials. Expected OAuth 2 access token.';
      return failed(401, 'UNAUTHENTICATED', message);
    }
    if (this.refusal) return failed(this.refusal.code, this.refusal.status, this.refusal.message);
    const root = `/v1/projects/${project}/secrets`;
    if (pathname === root) return this.#page(Number(searchParams.get('pageToken') ?? 0));
    const [, name = '', version = ''] = /\/secrets\/([^/]+)\/versions\/([^/]+):access$/.exec(pathname) ?? [];
    const versions = this.secrets.get(name) ?? [];
    const number = version === 'latest' ? versions.length : Number(version);
    const found = versions[number - 1];
    const path = `projects/1234567890/secrets/${name}/versions/${number}`;
    if (found === undefined) return failed(404, 'NOT_FOUND', `Secret [${path}] not found or has no versions.`);
    if (found.state === 'DISABLED') {
      return failed(400, 'FAILED_PRECONDITION', `Secret Version [${path}] is in DISABLED state.`);
    }
    const payload = { data: Buffer.from(found.value).toString('base64'), dataCrc32c: '0' };
    return { status: 200, content: { name: path, payload } };
  }

  #page(from: number): Answer {
    const names = [...this.secrets.keys()];
    const secrets = names.slice(from, from + 3).map((name) => ({
      name: `projects/1234567890/secrets/${name}`,
      replication: { automatic: {} },
      createTime: '2026-01-01T00:00:00.000000Z',
      etag: '"15f0a4f0a0a0a0"',
    }));
    const more = from + 3 < names.length && { nextPageToken: String(from + 3) };
    return { status: 200, content: { secrets, totalSize: names.length, ...more } };
  }
}

interface Answer {
  readonly status: number;
  readonly content: unknown;
}

function failed(code: number, status: string, message: string): Answer {
  return { status: code, content: { error: { code, message, status } } };
}

/** Who signed the token that the key itself makes, when it is one for this service. */
function issuerOf(authorization: string | undefined): string | undefined {
  const claims = authorization?.split('.')[1];
  if (claims === undefined) return undefined;
  const { iss, aud } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, string | undefined>;
  return aud === 'https://secretmanager.googleapis.com/' ? iss : undefined;
}
