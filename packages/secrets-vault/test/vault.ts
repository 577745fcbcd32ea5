import { randomUUID } from 'node:crypto';
import { openComponent, type OpenOptions } from '@outrigger/conformance';
import type { SecretStore } from '@outrigger/core';
import definition from '../src/index.ts';

export const howToStart = 'eval "$(e2e/backends/up.sh vault)"';

/** The component as the engine would make it from YAML. */
export function open(properties: Readonly<Record<string, string>>, options: OpenOptions = {}): Promise<SecretStore> {
  return openComponent(definition, properties, options);
}

/** A Vault server as its administrator sees it. */
export class Vault {
  readonly url: string;
  readonly token: string;

  constructor(address: string, token: string) {
    this.url = `http://${address}`;
    this.token = token;
  }

  /** The server that up.sh has started; in a container it has the token `root`. */
  static at(address: string): Vault {
    return new Vault(address, process.env['OUTRIGGER_TEST_VAULT_TOKEN'] ?? 'root');
  }

  /** What the API answers at `/v1/<path>`; an error unless it is a success. */
  async api(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.url}/v1/${path}`, {
      method,
      headers: { 'x-vault-token': this.token },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === '' ? {} : JSON.parse(text)) as Answer;
  }

  /** A new KV engine; resolves to its name once it can be written to. */
  async mount(version: 1 | 2): Promise<string> {
    const name = `kv-${randomUUID()}`;
    await this.api('POST', `sys/mounts/${name}`, { type: 'kv', options: { version: String(version) } });
    // version 2 sets itself up after it was mounted
    if (version === 2) await retried(() => this.api('GET', `${name}/config`));
    return name;
  }

  /** A new engine with the secrets of the conformance suite below `dapr/`. */
  async mountWithSecrets(version: 1 | 2): Promise<string> {
    const engine = await this.mount(version);
    for (const [name, data] of Object.entries(secrets)) await this.write(engine, version, `dapr/${name}`, data);
    return engine;
  }

  async write(engine: string, version: 1 | 2, path: string, data: unknown): Promise<void> {
    const encoded = path.split('/').map(encodeURIComponent).join('/');
    await (version === 1
      ? this.api('POST', `${engine}/${encoded}`, data)
      : this.api('POST', `${engine}/data/${encoded}`, { data }));
  }

  /** A new policy, in Vault's language; resolves to its name. */
  async policy(rules: string): Promise<string> {
    const name = `policy-${randomUUID()}`;
    await this.api('POST', `sys/policies/acl/${name}`, { policy: rules });
    return name;
  }

  /** A new token, by default one of an hour. */
  async newToken(options: Readonly<Record<string, unknown>>): Promise<string> {
    const { auth } = await this.api('POST', 'auth/token/create', { ttl: '1h', ...options });
    return auth?.client_token ?? '';
  }

  /** A new mount of an auth method; resolves to its name. */
  async enableAuth(type: string): Promise<string> {
    const name = `${type}-${randomUUID()}`;
    await this.api('POST', `sys/auth/${name}`, { type });
    return name;
  }
}

export interface Answer {
  readonly auth?: { readonly client_token: string };
  readonly data?: Readonly<Record<string, unknown>>;
}

export const secrets: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  conftestsecret: { conftestsecret: 'abcd' },
  secondsecret: { secondsecret: 'efgh' },
  multisecret: { user: 'u', password: 'p' },
};

/** Names as odd as Vault takes them. */
export const oddSecrets: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'team/db': { value: 'in a folder' },
  'a b': { value: 'blank' },
  'sch\u00f6n \u{1f511}': { 'schl\u00fcssel \u{1f511}': '\u{1f511}\n"\\' },
  'a+b%2F&c=?#': { value: 'signs' },
  empty: { value: '' },
};

async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
