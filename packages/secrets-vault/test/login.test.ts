import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { requireBackend } from '@outrigger/conformance';
import { type LogFields, type Logger, type SecretStore, silentLogger } from '@outrigger/core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { KubernetesApi } from './kubernetes-api.ts';
import { howToStart, open, secrets, Vault } from './vault.ts';

const { signal } = new AbortController();

requireBackend('OUTRIGGER_TEST_VAULT', howToStart, (address) => {
  const vault = Vault.at(address);
  let enginePath: string;
  let policy: string;
  let folder: string;

  beforeAll(async () => {
    enginePath = await vault.mountWithSecrets(2);
    policy = await vault.policy(`path "${enginePath}/*" { capabilities = ["read", "list"] }`);
    folder = await mkdtemp(join(tmpdir(), 'vault-login-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const connect = (properties: Readonly<Record<string, string>>, logger: Logger = silentLogger) =>
    open({ vaultAddr: vault.url, enginePath, ...properties }, { logger });
  const read = (store: SecretStore) => store.get({ name: 'conftestsecret' }, signal);

  describe.concurrent('a token', () => {
    it('that Vault does not know is refused at the start', async () => {
      await expect(connect({ vaultToken: 'hvs.nobody-knows-this' })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(/vaultToken.*not valid/),
      });
    });

    it('is renewed before it ends, and no call fails meanwhile', async () => {
      const vaultToken = await vault.newToken({ policies: [policy], period: '6s', ttl: undefined });
      const log = new Log();
      await using store = await connect({ vaultToken }, log.logger);
      await readFor(9000, store);
      expect(log.messages('debug').filter((message) => message.includes('is renewed')).length).toBeGreaterThan(1);
      expect(log.messages('warn')).toEqual([]);
    });

    it('that cannot be renewed is warned of, and once it has ended calls say so', async () => {
      const vaultToken = await vault.newToken({ policies: [policy], ttl: '3s', renewable: false });
      const log = new Log();
      await using store = await connect({ vaultToken }, log.logger);
      expect(await read(store)).toEqual(secrets['conftestsecret']);
      await vi.waitFor(() => expect(log.messages('warn')).toEqual([expect.stringContaining('ends at')]), waiting);
      await vi.waitFor(async () => {
        const outcome = await read(store).catch((error: unknown) => error);
        expect(outcome).toMatchObject({ code: 'invalid-argument', message: expect.stringContaining('expired') });
      }, waiting);
      expect(log.all()).not.toContain(vaultToken);
    });

    it('may have no end', async () => {
      await using store = await connect({ vaultToken: vault.token });
      expect(await read(store)).toEqual(secrets['conftestsecret']);
    });

    it('is in no view of the store and in no error', async () => {
      const vaultToken = await vault.newToken({ policies: ['default'] });
      await using store = await connect({ vaultToken });
      const error = await read(store).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'invalid-argument' });
      expect(inspect([store, error], { depth: 20, showHidden: true })).not.toContain(vaultToken);
    });
  });

  describe.concurrent('a token file', () => {
    it('is read again when it changes, also when it is replaced', async () => {
      const path = join(folder, 'token');
      const first = await vault.newToken({ policies: [policy] });
      const second = await vault.newToken({ policies: [policy] });
      const third = await vault.newToken({ policies: [policy] });
      await writeFile(path, `${first}\n`);
      await using store = await connect({ vaultTokenMountPath: path });
      expect(await read(store)).toEqual(secrets['conftestsecret']);
      await vault.api('POST', 'auth/token/revoke', { token: first });
      await expect(read(store)).rejects.toMatchObject({ code: 'invalid-argument' });
      await writeFile(path, second);
      expect(await read(store)).toEqual(secrets['conftestsecret']);
      await writeFile(`${path}.new`, third);
      await rename(`${path}.new`, path);
      await vault.api('POST', 'auth/token/revoke', { token: second });
      expect(await read(store)).toEqual(secrets['conftestsecret']);
    });

    it('that goes away leaves the last token in use, which is said once', async () => {
      const path = join(folder, 'leaving');
      await writeFile(path, await vault.newToken({ policies: [policy] }));
      const log = new Log();
      await using store = await connect({ vaultTokenMountPath: path }, log.logger);
      await rm(path);
      expect(await read(store)).toEqual(secrets['conftestsecret']);
      expect(await read(store)).toEqual(secrets['conftestsecret']);
      expect(log.messages('warn')).toEqual([expect.stringContaining(path)]);
      await writeFile(path, await vault.newToken({ policies: [policy] }));
      expect(await read(store)).toEqual(secrets['conftestsecret']);
      expect(log.messages('info')).toEqual([expect.stringContaining('can be read again')]);
    });
  });

  describe.concurrent('AppRole', () => {
    it('signs in with a role ID and a secret ID, from the metadata or a file', async () => {
      const role = await appRole(vault, { token_policies: [policy] });
      const login = { ...role.fields, vaultAppRoleSecretId: await role.secretId() };
      await using store = await connect(login);
      expect(await read(store)).toEqual(secrets['conftestsecret']);
      const path = join(folder, 'secret-id');
      await writeFile(path, `${await role.secretId()}\n`);
      await using other = await connect({ ...role.fields, vaultAppRoleSecretIdPath: path });
      expect(await other.getAll?.({}, signal)).toEqual(secrets);
    });

    it('signs in without a secret ID where the role wants none', async () => {
      const role = await appRole(vault, {
        token_policies: [policy],
        bind_secret_id: false,
        secret_id_bound_cidrs: ['127.0.0.0/8'],
      });
      await using store = await connect(role.fields);
      expect(await read(store)).toEqual(secrets['conftestsecret']);
    });

    it('says which fields to look at when the login is refused, and nothing that is secret', async () => {
      const role = await appRole(vault, {});
      const wrong = connect({ ...role.fields, vaultAppRoleSecretId: 'hunter2' });
      const error: unknown = await wrong.catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(/refused the login at auth\/approle-.*vaultAppRoleSecretId/),
      });
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('hunter2');
      await expect(connect({ ...role.fields, vaultAppRoleMountPath: 'nowhere' })).rejects.toMatchObject({
        message: expect.stringContaining('auth/nowhere/login'),
      });
    });

    it('renews its token, and signs in again when that is as old as it may get; no call fails meanwhile', async () => {
      const role = await appRole(vault, { token_policies: [policy], token_ttl: '2s', token_max_ttl: '4s' });
      const log = new Log();
      await using store = await connect({ ...role.fields, vaultAppRoleSecretId: await role.secretId() }, log.logger);
      await readFor(8000, store);
      expect(log.messages('debug')).toContainEqual(expect.stringContaining('is renewed'));
      expect(log.messages('debug')).toContainEqual(expect.stringContaining('signed in to Vault again'));
      expect(log.messages('warn')).toEqual([]);
    });

    it('signs in again when its token is of a kind that cannot be renewed', async () => {
      const role = await appRole(vault, { token_policies: [policy], token_ttl: '2s', token_type: 'batch' });
      const log = new Log();
      await using store = await connect({ ...role.fields, vaultAppRoleSecretId: await role.secretId() }, log.logger);
      await readFor(4000, store);
      expect(log.messages('debug')).toContainEqual(expect.stringContaining('signed in to Vault again'));
      expect(log.messages('warn')).toEqual([]);
    });

    it('signs in once for all calls that find the token revoked, and repeats them', async () => {
      const role = await appRole(vault, { token_policies: [policy], token_ttl: '1h' });
      await using store = await connect({ ...role.fields, vaultAppRoleSecretId: await role.secretId() });
      await vault.api('PUT', `sys/leases/revoke-prefix/auth/${role.mount}/login`);
      const before = await role.tokens();
      const readers = await Promise.all(Array.from({ length: 20 }, () => read(store)));
      for (const secret of readers) expect(secret).toEqual(secrets['conftestsecret']);
      expect((await role.tokens()) - before).toBe(1);
    });

    it('does not sign in again because a secret is denied', async () => {
      const narrow = await vault.policy(`path "${enginePath}/data/dapr/conftestsecret" { capabilities = ["read"] }`);
      const role = await appRole(vault, { token_policies: [narrow], token_ttl: '1h', token_no_default_policy: true });
      await using store = await connect({ ...role.fields, vaultAppRoleSecretId: await role.secretId() });
      for (let call = 0; call < 3; call++) {
        await expect(store.get({ name: 'secondsecret' }, signal)).rejects.toThrow('permission denied');
      }
      expect(await read(store)).toEqual(secrets['conftestsecret']);
      expect(await role.tokens()).toBe(1);
    });

    it('that is refused later is told to the callers and once in the log, and tried again', async () => {
      const role = await appRole(vault, { token_policies: [policy], token_ttl: '2s', token_max_ttl: '2s' });
      const log = new Log();
      const path = join(folder, 'expiring-secret-id');
      await writeFile(path, await role.secretId());
      await using store = await connect({ ...role.fields, vaultAppRoleSecretIdPath: path }, log.logger);
      await writeFile(path, 'not-a-secret-id');
      await vi.waitFor(async () => {
        const outcome = await read(store).catch((error: unknown) => error);
        expect(outcome).toMatchObject({ message: expect.stringContaining('refused the login') });
      }, waiting);
      expect(log.messages('warn')).toEqual([expect.stringContaining('could not be renewed')]);
      await writeFile(path, await role.secretId());
      expect(await read(store)).toEqual(secrets['conftestsecret']);
      expect(log.all()).not.toContain('not-a-secret-id');
    });
  });

  // Vault's side is the real auth method; the Kubernetes API that it asks about the token is a stand-in
  describe('Kubernetes', () => {
    it('signs in with the token of a service account, read anew at each login', async () => {
      await using kubernetes = await KubernetesApi.start();
      const mount = await vault.enableAuth('kubernetes');
      await vault.api('POST', `auth/${mount}/config`, {
        kubernetes_host: kubernetes.url,
        token_reviewer_jwt: kubernetes.tokenOf('reviewer'),
        disable_local_ca_jwt: true,
      });
      await vault.api('POST', `auth/${mount}/role/orders`, {
        bound_service_account_names: ['orders'],
        bound_service_account_namespaces: ['shop'],
        token_policies: [policy],
        token_ttl: '2s',
        token_max_ttl: '2s',
      });
      const path = join(folder, 'service-account');
      await writeFile(path, kubernetes.tokenOf('orders'));
      const login = {
        vaultAuthMethod: 'kubernetes',
        vaultKubernetesRole: 'orders',
        vaultKubernetesMountPath: mount,
        vaultServiceAccountTokenPath: path,
      };
      const log = new Log();
      await using store = await connect(login, log.logger);
      expect(await read(store)).toEqual(secrets['conftestsecret']);
      const renewed = kubernetes.tokenOf('orders');
      await writeFile(path, renewed);
      await readFor(3000, store);
      expect(kubernetes.reviewed).toContain(renewed);
      expect(log.messages('warn')).toEqual([]);

      await writeFile(path, kubernetes.tokenOf('stranger'));
      await expect(connect(login)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('vaultKubernetesRole'),
      });
      await expect(connect({ ...login, vaultServiceAccountTokenPath: join(folder, 'none') })).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('vaultServiceAccountTokenPath cannot be read'),
      });
    });
  });

  it('leaves nothing running when it is closed', async () => {
    const role = await appRole(vault, { token_policies: [policy], token_ttl: '2s' });
    const store = await connect({ ...role.fields, vaultAppRoleSecretId: await role.secretId() });
    const closing = performance.now();
    await store[Symbol.asyncDispose]();
    expect(performance.now() - closing).toBeLessThan(1000);
    await expect(read(store)).rejects.toMatchObject({ code: 'unavailable' });
  });

  /** Reads all the time; each read has to succeed. */
  async function readFor(milliseconds: number, store: SecretStore): Promise<void> {
    for (const end = performance.now() + milliseconds; performance.now() < end;) {
      expect(await read(store)).toEqual(secrets['conftestsecret']);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
});

const waiting = { timeout: 60_000, interval: 50 };

/** What was logged. */
class Log {
  readonly #lines: { readonly level: string; readonly message: string; readonly fields: LogFields | undefined }[] = [];
  readonly logger: Logger;

  constructor() {
    const at = (level: string) => (message: string, fields?: LogFields) => {
      this.#lines.push({ level, message, fields });
    };
    this.logger = {
      isEnabled: () => true,
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
    };
  }

  messages(level: string): readonly string[] {
    return this.#lines.filter((line) => line.level === level).map(({ message }) => message);
  }

  all(): string {
    return inspect(this.#lines, { depth: 20, showHidden: true });
  }
}

/** A role of an AppRole auth method of its own. */
async function appRole(vault: Vault, options: Readonly<Record<string, unknown>>) {
  const mount = await vault.enableAuth('approle');
  const role = `auth/${mount}/role/app`;
  await vault.api('POST', role, options);
  const { data } = await vault.api('GET', `${role}/role-id`);
  return {
    mount,
    fields: {
      vaultAuthMethod: 'approle',
      vaultAppRoleMountPath: mount,
      vaultAppRoleRoleId: String(data?.['role_id']),
    },
    secretId: async () => String((await vault.api('POST', `${role}/secret-id`)).data?.['secret_id']),
    /** How many tokens it has given out that are still good. */
    tokens: async () => {
      const leases = await vault
        .api('LIST', `sys/leases/lookup/auth/${mount}/login`)
        .catch(() => ({ data: { keys: [] } }));
      return (leases.data?.['keys'] as readonly string[] | undefined)?.length ?? 0;
    },
  };
}
