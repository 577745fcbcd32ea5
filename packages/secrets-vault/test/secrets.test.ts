import { requireBackend } from '@outrigger/conformance';
import { silentLogger } from '@outrigger/core';
import { describe, expect, it, vi } from 'vitest';
import { howToStart, open, secrets, Vault } from './vault.ts';

const { signal } = new AbortController();

requireBackend('OUTRIGGER_TEST_VAULT', howToStart, (address) => {
  const vault = Vault.at(address);
  const login = { vaultAddr: vault.url, vaultToken: vault.token };

  describe('secrets as Vault has them', () => {
    it('are below enginePath and vaultKVPrefix, as Dapr puts them', async () => {
      const engine = await vault.mountWithSecrets(2);
      await vault.write(engine, 2, 'loose', { a: '1' });
      await vault.write(engine, 2, 'other/place/x', { a: '2' });
      await using dapr = await open({ ...login, enginePath: engine });
      expect(await dapr.get({ name: 'conftestsecret' }, signal)).toEqual({ conftestsecret: 'abcd' });
      expect(await dapr.get({ name: 'loose' }, signal)).toBeUndefined();
      await using other = await open({ ...login, enginePath: `/${engine}/`, vaultKVPrefix: 'other/place/' });
      expect(await other.getAll?.({}, signal)).toEqual({ x: { a: '2' } });
      await using all = await open({ ...login, enginePath: engine, vaultKVUsePrefix: 'false' });
      expect(Object.keys((await all.getAll?.({}, signal)) ?? {}).toSorted()).toEqual([
        'dapr/conftestsecret',
        'dapr/multisecret',
        'dapr/secondsecret',
        'loose',
        'other/place/x',
      ]);
    });

    it('come as one JSON text each with vaultValueType text, under their own names', async () => {
      const engine = await vault.mount(2);
      await vault.write(engine, 2, 'dapr/team/db', { user: 'u', port: 5432, tags: ['<a>', 'b'], none: null });
      await using store = await open({ ...login, enginePath: engine, vaultValueType: 'text' });
      expect(store.features).toEqual([]);
      const secret = await store.get({ name: 'team/db' }, signal);
      expect(Object.keys(secret ?? {})).toEqual(['team/db']);
      expect(JSON.parse(secret?.['team/db'] ?? '')).toEqual({ user: 'u', port: 5432, tags: ['<a>', 'b'], none: null });
      expect(await store.getAll?.({}, signal)).toEqual({ 'team/db': secret });
    });

    it('may hold values that are no texts: they come as JSON, numbers as they are written', async () => {
      const engine = await vault.mount(1);
      await fetch(`${vault.url}/v1/${engine}/dapr/mixed`, {
        method: 'POST',
        headers: { 'x-vault-token': vault.token },
        body: '{"id": 12345678901234567890, "on": true, "list": [1, "two"], "none": null}',
      });
      await using store = await open({ ...login, enginePath: engine });
      expect(await store.get({ name: 'mixed' }, signal)).toEqual({
        id: '12345678901234567890',
        on: 'true',
        list: '[1,"two"]',
        none: '',
      });
    });

    it('come in the version that version_id asks for', async () => {
      const engine = await vault.mount(2);
      for (const value of ['one', 'two', 'three']) await vault.write(engine, 2, 'dapr/db', { value });
      await vault.write(engine, 2, 'dapr/young', { value: 'new' });
      await vault.api('POST', `${engine}/delete/dapr/db`, { versions: [2] });
      await using store = await open({ ...login, enginePath: engine });
      const version = (id: string) => store.get({ name: 'db', metadata: { version_id: id } }, signal);
      expect(await version('1')).toEqual({ value: 'one' });
      expect(await version('2')).toBeUndefined();
      expect(await version('3')).toEqual({ value: 'three' });
      expect(await version('0')).toEqual({ value: 'three' });
      expect(await version('9')).toBeUndefined();
      await expect(version('latest')).rejects.toMatchObject({ code: 'invalid-argument' });
      expect(await store.getAll?.({ metadata: { version_id: '3' } }, signal)).toEqual({ db: { value: 'three' } });
    });

    it('have no versions in an engine of version 1, which is said', async () => {
      const engine = await vault.mountWithSecrets(1);
      await using store = await open({ ...login, enginePath: engine });
      const asked = store.get({ name: 'conftestsecret', metadata: { version_id: '2' } }, signal);
      await expect(asked).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('version_id'),
      });
    });

    it('that are deleted are not there, and a list without any is empty', async () => {
      const engine = await vault.mount(2);
      await using store = await open({ ...login, enginePath: engine });
      expect(await store.getAll?.({}, signal)).toEqual({});
      await vault.write(engine, 2, 'dapr/gone', { value: 'x' });
      await vault.api('DELETE', `${engine}/data/dapr/gone`);
      expect(await store.get({ name: 'gone' }, signal)).toBeUndefined();
      expect(await store.getAll?.({}, signal)).toEqual({});
    });

    it('are not found by a name that leads out of the folder', async () => {
      const engine = await vault.mountWithSecrets(2);
      await vault.write(engine, 2, 'private', { value: 'x' });
      await using store = await open({ ...login, enginePath: engine });
      for (const name of [
        '../private',
        'x/../../private',
        '..',
        '.',
        '',
        '/conftestsecret',
        'conftestsecret/',
        '..%2fprivate',
      ]) {
        expect(await store.get({ name }, signal), name).toBeUndefined();
      }
    });

    it('are listed from several levels of folders, next to a secret of the name of a folder', async () => {
      const engine = await vault.mount(2);
      const names = ['a', 'a/b', 'a/b/c/d', ...Array.from({ length: 30 }, (_, index) => `many/${index}`)];
      for (const name of names) await vault.write(engine, 2, `dapr/${name}`, { name });
      await using store = await open({ ...login, enginePath: engine });
      expect(await store.getAll?.({}, signal)).toEqual(Object.fromEntries(names.map((name) => [name, { name }])));
    });
  });

  describe('what the policies of the token forbid', () => {
    it('is refused with the path and the capability that a policy needs', async () => {
      const engine = await vault.mountWithSecrets(2);
      const policy = await vault.policy(`path "${engine}/data/dapr/conftestsecret" { capabilities = ["read"] }`);
      const vaultToken = await vault.newToken({ policies: [policy] });
      await using store = await open({ ...login, vaultToken, enginePath: engine });
      expect(await store.get({ name: 'conftestsecret' }, signal)).toEqual(secrets['conftestsecret']);
      await expect(store.get({ name: 'secondsecret' }, signal)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining(`path "${engine}/data/dapr/secondsecret" { capabilities = ["read"] }`),
      });
      await expect(store.getAll?.({}, signal)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining(`path "${engine}/metadata/dapr" { capabilities = ["list"] }`),
      });
    });

    it('is left out of the list, which the log says once', async () => {
      const engine = await vault.mountWithSecrets(2);
      await vault.write(engine, 2, 'dapr/closed/x', { value: 'x' });
      const policy = await vault.policy(
        `path "${engine}/metadata/dapr" { capabilities = ["list"] }\n` +
          `path "${engine}/data/dapr/*" { capabilities = ["read"] }\n` +
          `path "${engine}/data/dapr/secondsecret" { capabilities = ["deny"] }`,
      );
      const vaultToken = await vault.newToken({ policies: [policy] });
      const warn = vi.fn();
      await using store = await open(
        { ...login, vaultToken, enginePath: engine },
        { logger: { ...silentLogger, warn } },
      );
      const { secondsecret: _, ...open1 } = secrets;
      expect(await store.getAll?.({}, signal)).toEqual(open1);
      expect(await store.getAll?.({}, signal)).toEqual(open1);
      expect(warn.mock.calls.map(([message]) => String(message))).toEqual([
        expect.stringContaining('dapr/closed'),
        expect.stringContaining('dapr/secondsecret'),
      ]);
    });

    it('may be all but the secrets: a token that may not look at the mount or at itself works', async () => {
      const engine = await vault.mountWithSecrets(2);
      const policy = await vault.policy(`path "${engine}/data/dapr/*" { capabilities = ["read"] }`);
      const vaultToken = await vault.newToken({ policies: [policy], no_default_policy: true });
      await using store = await open({ ...login, vaultToken, enginePath: engine });
      expect(await store.get({ name: 'multisecret' }, signal)).toEqual(secrets['multisecret']);
    });
  });
});
