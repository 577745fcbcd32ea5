import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { openComponent, type OpenOptions, requireBackend } from '@outrigger/conformance';
import { ComponentError, type SecretStore } from '@outrigger/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { KubernetesApi } from '../src/api.ts';
import { tried } from '../src/connect.ts';
import definition from '../src/index.ts';
import { KubernetesSecretStore } from '../src/kubernetes-secret-store.ts';
import { podCluster } from '../src/pod.ts';
import {
  createSecrets,
  given,
  howToStartKubernetes,
  kubeconfigWith,
  newFolder,
  newNamespace,
  removeFolders,
  serviceAccountFolder,
  unique,
} from './cluster.ts';

const { signal } = new AbortController();

async function failure(promise: Promise<unknown>): Promise<ComponentError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!ComponentError.is(error)) throw new Error('expected a ComponentError', { cause: error });
  return error;
}

requireBackend('OUTRIGGER_TEST_KUBERNETES', howToStartKubernetes, (address) => {
  const open = (properties: Record<string, string>, options?: OpenOptions) =>
    openComponent(definition, { kubeconfigPath: given('KUBECONFIG'), ...properties }, options);
  let namespace: string;
  let other: string;

  beforeAll(async () => {
    namespace = await newNamespace({ db: { password: 'in the first' } });
    other = await newNamespace({ db: { password: 'in the other' } });
  });
  beforeEach(() => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '');
    return () => vi.unstubAllEnvs();
  });
  afterAll(removeFolders);

  describe('the namespace', () => {
    it('is the request’s, else the process’s, else the default, else that of the kubeconfig’s context', async () => {
      const read = async (store: SecretStore, metadata = {}) => {
        await using closed = store;
        return (await closed.get({ name: 'db', metadata }, signal))?.['password'];
      };
      expect(await read(await open({ defaultNamespace: namespace }), { namespace: other })).toBe('in the other');
      expect(await read(await open({ defaultNamespace: namespace }, { namespace: other }))).toBe('in the other');
      expect(await read(await open({ defaultNamespace: namespace }))).toBe('in the first');
      const kubeconfigPath = await kubeconfigWith((text) =>
        text.replace('user: admin }', `user: admin, namespace: ${other} }`),
      );
      expect(await read(await open({ kubeconfigPath }))).toBe('in the other');
    });

    it('is missed by name where nothing gives one, and has to be one', async () => {
      await using store = await open({});
      const error = await failure(store.get({ name: 'db' }, signal));
      expect(error.code).toBe('invalid-argument');
      expect(error.message).toContain('defaultNamespace');
      for (const odd of ['../default', 'a/b', 'A', 'x?limit=1']) {
        expect((await failure(store.get({ name: 'db', metadata: { namespace: odd } }, signal))).code).toBe(
          'invalid-argument',
        );
        expect(
          (await failure(store.getAll?.({ metadata: { namespace: odd } }, signal) ?? Promise.resolve())).code,
        ).toBe('invalid-argument');
      }
    });
  });

  it.each(['', '.', '..', '../pods', 'db/../db', 'db?watch=1', 'a b', 'ü'])(
    'there is no secret called "%s"',
    async (name) => {
      await using store = await open({ defaultNamespace: namespace });
      expect(await store.get({ name }, signal)).toBeUndefined();
    },
  );

  it('lists more secrets than one page holds', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 120 }, (_, index) => [`secret-${index}`, { value: `${index}` }]),
    );
    await using store = await open({ defaultNamespace: await newNamespace(many) });
    expect(await store.getAll?.({}, signal)).toEqual(many);
  });

  describe('a kubeconfig that cannot be used', () => {
    it.each([
      ['is not there', 'not-found', async () => join(await newFolder(), 'none'), 'set kubeconfigPath'],
      [
        'is no YAML',
        'invalid-argument',
        () => kubeconfigWith((text) => text.replace('client-key-data:', 'client-key-data: [')),
        'in line',
      ],
      [
        'has no such context',
        'invalid-argument',
        () => kubeconfigWith((text) => text.replace('current-context: tests', '')),
        'use-context',
      ],
      [
        'has a token that is wrong',
        'invalid-argument',
        () => kubeconfigWith((text) => text.replace(/user: \{.*\}/, 'user: { token: hunter2 }')),
        'does not accept the login',
      ],
      [
        'gets its login from a command that is not there',
        'invalid-argument',
        () =>
          kubeconfigWith((text) =>
            text.replace(
              /user: \{.*\}/,
              'user: { exec: { apiVersion: client.authentication.k8s.io/v1, command: no-such-command, args: [hunter2] } }',
            ),
          ),
        'no login for its user "admin"',
      ],
      [
        'trusts another authority',
        'unavailable',
        () => kubeconfigWith((text) => text.replace(/, certificate-authority-data: [^ ]+/, '')),
        'certificate',
      ],
      [
        'leads to where nothing listens',
        'unavailable',
        () => kubeconfigWith((text) => text.replace(address, '127.0.0.1:1')),
        'is it running?',
      ],
    ] as const)('%s', async (_case, code, config, expected) => {
      const error = await failure(open({ kubeconfigPath: await config() }));
      expect(error.message).toContain(expected);
      expect(error.code).toBe(code);
      const key = /client-key-data: (\S+)/.exec(await readFile(given('KUBECONFIG'), 'utf8'))?.[1] ?? '';
      for (const secret of [key, 'hunter2']) expect(inspect(error, { depth: 9 })).not.toContain(secret);
    });
  });

  it('takes the login that a command gives, as those of cloud providers do', async () => {
    const token = await readFile(join(given('SERVICEACCOUNT'), 'token'), 'utf8');
    const script = join(await newFolder(), 'login.mjs');
    const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } };
    await writeFile(script, `console.log(${JSON.stringify(JSON.stringify(credential))})`);
    const user = { exec: { apiVersion: credential.apiVersion, command: process.execPath, args: [script] } };
    const kubeconfigPath = await kubeconfigWith((text) =>
      text.replace(/user: \{.*\}/, `user: ${JSON.stringify(user)}`),
    );
    const name = unique('exec');
    await createSecrets('default', { [name]: { value: 'v' } });
    await using store = await open({ kubeconfigPath, defaultNamespace: 'default' });
    expect(await store.get({ name }, signal)).toEqual({ value: 'v' });
  });

  describe('in a pod', () => {
    let folder: string;
    let name: string;

    beforeAll(async () => {
      name = unique('pod');
      await createSecrets('default', { [name]: { value: 'v' } });
    });
    beforeEach(async () => {
      const [host = '', port = ''] = address.split(':');
      vi.stubEnv('KUBERNETES_SERVICE_HOST', host);
      vi.stubEnv('KUBERNETES_SERVICE_PORT', port);
      folder = await serviceAccountFolder();
    });

    async function openPod(): Promise<SecretStore> {
      const cluster = await podCluster(folder);
      if (cluster === undefined) throw new Error('this is no pod');
      const api = await tried(new KubernetesApi(cluster), signal);
      return new KubernetesSecretStore(api, api.namespace);
    }

    it('the service account reads secrets of its own namespace', async () => {
      await using store = await openPod();
      expect(await store.get({ name }, signal)).toEqual({ value: 'v' });
      expect(await store.getAll?.({}, signal)).toMatchObject({ [name]: { value: 'v' } });
    });

    it('what its role does not allow is refused with verb, resource and namespace', async () => {
      await using store = await openPod();
      const get = await failure(store.get({ name: 'db', metadata: { namespace: other } }, signal));
      expect(get.code).toBe('invalid-argument');
      expect(get.message).toContain(`no right to get secret db in the namespace ${other}`);
      expect(get.message).toContain('its role needs the verb "get" on the resource "secrets"');
      expect(get.message).toContain('system:serviceaccount:default:outrigger');
      const list = await failure(store.getAll?.({ metadata: { namespace: other } }, signal) ?? Promise.resolve());
      expect(list.message).toContain(`no right to list secrets in the namespace ${other}`);
    });

    it('a new token counts from the next call on', async () => {
      await using store = await openPod();
      const file = join(folder, 'token');
      const token = await readFile(file, 'utf8');
      await writeFile(file, 'hunter2');
      const error = await failure(store.get({ name }, signal));
      expect(error.code).toBe('invalid-argument');
      expect(error.message).toContain('check the pod’s service account');
      expect(inspect(error, { depth: 9 })).not.toContain('hunter2');
      await writeFile(file, `${token}\n`);
      expect(await store.get({ name }, signal)).toEqual({ value: 'v' });
    });

    it('a new certificate authority counts from the next call on', async () => {
      await using store = await openPod();
      const file = join(folder, 'ca.crt');
      const ca = await readFile(file, 'utf8');
      await writeFile(file, '');
      expect((await failure(store.get({ name }, signal))).message).toContain('certificate');
      await writeFile(file, ca);
      expect(await store.get({ name }, signal)).toEqual({ value: 'v' });
    });

    it('no view of the store shows the token or a value', async () => {
      await using store = await openPod();
      await store.get({ name }, signal);
      const token = await readFile(join(folder, 'token'), 'utf8');
      const shown = inspect(store, { depth: 20, showHidden: true }) + JSON.stringify(store);
      expect(shown).not.toContain(token);
    });

    it('is not assumed where there is no service account', async () => {
      expect(await podCluster(await newFolder())).toBeUndefined();
      vi.stubEnv('KUBERNETES_SERVICE_PORT', '');
      expect(await podCluster(folder)).toBeUndefined();
    });
  });
});
