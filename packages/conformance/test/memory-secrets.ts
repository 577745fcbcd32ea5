import { ComponentError, type Secret, type SecretStore, type SecretStoreFeature } from '@outrigger/core';

/** Ways to break the contract, each as a careless store might. */
export type SecretFault =
  | 'resolves names as paths'
  | 'decodes names'
  | 'knows what every object has'
  | 'answers nothing as an empty secret'
  | 'claims several values and joins them'
  | 'hands out what it keeps'
  | 'lists something else than it gives'
  | 'ignores the version'
  | 'ignores the signal'
  | 'fails everybody when one caller goes'
  | 'serves after it was closed'
  | 'hangs when it is closed'
  | 'shows its token'
  | 'shows the secrets it has read'
  | 'shows its token in errors'
  | 'finds nothing while its server is down'
  | 'waits for its server for ever'
  | 'stays down after an outage';

export const token = 'root-token-of-the-suite';

export const oddSecrets: Readonly<Record<string, Secret>> = {
  'path/to+a.secret@home_x-y': { 'path/to+a.secret@home_x-y': 'ünïcödé\n🔑' },
};

const stored: Readonly<Record<string, Secret>> = {
  conftestsecret: { conftestsecret: 'abcd' },
  secondsecret: { secondsecret: 'efgh' },
  multisecret: { user: 'u', password: 'p' },
  ...oddSecrets,
};

export class MemorySecretServer {
  readonly faults: ReadonlySet<SecretFault>;
  readonly secrets = structuredClone(stored);
  deaths = 0;
  #up = Promise.withResolvers<void>();
  isUp = true;

  constructor(...faults: SecretFault[]) {
    this.faults = new Set(faults);
  }

  get running(): Promise<void> {
    return this.isUp ? Promise.resolve() : this.#up.promise;
  }

  async kill(): Promise<void> {
    this.isUp = false;
    this.deaths++;
  }

  async start(): Promise<void> {
    this.isUp = true;
    this.#up.resolve();
    this.#up = Promise.withResolvers();
  }
}

/** A store with all there is, and breaks the contract as its server says. */
export class MemorySecretStore implements SecretStore {
  readonly features: readonly SecretStoreFeature[] = ['multiple-key-values-per-secret'];
  token?: string;
  read?: Record<string, Secret>;
  readonly #server: MemorySecretServer;
  readonly #sinceDeaths: number;
  #underWay = 0;
  #failed = false;
  #closed = false;

  constructor(server: MemorySecretServer) {
    this.#server = server;
    this.#sinceDeaths = server.deaths;
    if (this.#has('shows its token')) this.token = token;
    if (this.#has('shows the secrets it has read')) this.read = {};
  }

  get(
    { name, metadata = {} }: { readonly name: string; readonly metadata?: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<Secret | undefined> {
    return this.#call(signal, () => {
      const { version = '2' } = metadata;
      if (version !== '2' && !this.#has('ignores the version')) {
        return version === '1' && name === 'conftestsecret' ? { conftestsecret: 'older' } : undefined;
      }
      const secret = this.#find(name);
      if (secret && this.read) this.read[name] = secret;
      if (secret === undefined && this.#has('answers nothing as an empty secret')) return {};
      return secret && this.#own(secret);
    });
  }

  getAll(_: object, signal: AbortSignal): Promise<Readonly<Record<string, Secret>>> {
    const { secrets } = this.#server;
    const shown = this.#has('lists something else than it gives')
      ? { ...secrets, secondsecret: { secondsecret: '' } }
      : secrets;
    return this.#call(signal, () =>
      Object.fromEntries(Object.entries(shown).map(([name, secret]) => [name, this.#own(secret)])),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#has('hangs when it is closed')) await new Promise(() => {});
    this.#closed = true;
  }

  #find(name: string): Secret | undefined {
    const { secrets } = this.#server;
    if (this.#has('knows what every object has')) return secrets[name];
    const path = this.#has('resolves names as paths') ? new URL(name, 'x://x/').pathname.slice(1) : name;
    const decoded = this.#has('decodes names') ? decodeURIComponent(path.replaceAll(/%(?![\da-f]{2})/gi, '%25')) : path;
    return Object.hasOwn(secrets, decoded) ? secrets[decoded] : undefined;
  }

  #own(secret: Secret): Secret {
    if (this.#has('hands out what it keeps')) return secret;
    const [value = ''] = Object.values(secret);
    if (this.#has('claims several values and joins them') && 'user' in secret) return { user: value };
    return { ...secret };
  }

  #has(fault: SecretFault): boolean {
    return this.#server.faults.has(fault);
  }

  async #call<T>(signal: AbortSignal, read: () => T): Promise<T> {
    if (!this.#has('ignores the signal')) signal.throwIfAborted();
    const said = this.#has('shows its token in errors') ? ` for ${token}` : '';
    if (this.#closed && !this.#has('serves after it was closed')) {
      throw new ComponentError('unavailable', 'the store is closed', { cause: new Error(`no session${said}`) });
    }
    if (this.#has('waits for its server for ever')) await this.#server.running;
    if (!this.#server.isUp && this.#has('finds nothing while its server is down')) return undefined as T;
    const isLost = this.#has('stays down after an outage') && this.#server.deaths > this.#sinceDeaths;
    if (!this.#server.isUp || isLost) throw new ComponentError('unavailable', `the server is down${said}`);
    this.#underWay++;
    signal.addEventListener('abort', () => {
      this.#failed = this.#has('fails everybody when one caller goes') && this.#underWay > 0;
    });
    await new Promise((resolve) => setImmediate(resolve));
    this.#underWay--;
    if (this.#failed) throw new ComponentError('internal', 'the request was aborted');
    if (!this.#has('ignores the signal')) signal.throwIfAborted();
    return read();
  }
}
