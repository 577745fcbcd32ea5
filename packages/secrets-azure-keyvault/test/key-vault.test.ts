import { inspect } from 'node:util';
import { openComponent } from '@outrigger/conformance';
import { ComponentError, openSecretService } from '@outrigger/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { vaultOf } from '../src/cloud.ts';
import definition from '../src/index.ts';
import { clientSecret, RecordedVault, token } from './recorded-vault.ts';

const { signal } = new AbortController();
const vault = new RecordedVault();

beforeAll(() => vault.start());
afterAll(() => vault[Symbol.asyncDispose]());
beforeEach(() => {
  vault.refusal = undefined;
  vault.secrets.clear();
  for (let index = 0; index < 8; index++) {
    const versions = [
      { version: 'new', value: `value ${index}` },
      { version: 'old', value: `old ${index}` },
    ];
    vault.secrets.set(`secret-${index}`, { versions, enabled: index !== 4 });
  }
});

const open = () => openSecretService(vault.open(), signal);

async function failure(promise: Promise<unknown>): Promise<ComponentError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!ComponentError.is(error)) throw new Error('expected a ComponentError', { cause: error });
  for (const secret of [clientSecret, token]) expect(inspect(error, { depth: 9 })).not.toContain(secret);
  return error;
}

it('gives the newest version, or the one that is asked for', async () => {
  await using store = await open();
  expect(await store.get({ name: 'secret-1' }, signal)).toEqual({ 'secret-1': 'value 1' });
  const old = await store.get({ name: 'secret-1', metadata: { version_id: 'old' } }, signal);
  expect(old).toEqual({ 'secret-1': 'old 1' });
});

it('lists all pages, and leaves out what is disabled', async () => {
  await using store = await open();
  const all = (await store.getAll?.({}, signal)) ?? {};
  expect(Object.keys(all)).toEqual([0, 1, 2, 3, 5, 6, 7].map((index) => `secret-${index}`));
  expect(all['secret-7']).toEqual({ 'secret-7': 'value 7' });
});

it('lists no more than maxresults', async () => {
  await using store = await open();
  const list = (maxresults: string) => store.getAll?.({ metadata: { maxresults } }, signal) ?? Promise.resolve({});
  expect(Object.keys(await list('4'))).toHaveLength(4);
  expect(Object.keys(await list('0'))).toHaveLength(7);
  expect((await failure(list('many'))).message).toContain('maxresults');
});

it.each(['', 'a/b', 'secret-1/old', 'a b', '__proto__', 'ü'])('there is no secret called "%s"', async (name) => {
  await using store = await open();
  expect(await store.get({ name }, signal)).toBeUndefined();
});

describe('refusals', () => {
  it('a client secret that is wrong ends the start', async () => {
    const error = await failure(openSecretService(vault.open('hunter2'), signal));
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toContain('AADSTS7000215');
    expect(error.message).toContain('azureClientSecret');
    expect(inspect(error, { depth: 9 })).not.toContain('hunter2');
  });

  it('who may not list may still read, and hears which right is missing', async () => {
    const message = 'The user, group or application does not have secrets list permission on key vault.';
    vault.refusal = { status: 403, code: 'Forbidden', message };
    await using store = await open();
    const error = await failure(store.getAll?.({}, signal) ?? Promise.resolve());
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toContain('403 Forbidden');
    expect(error.message).toContain('the rights "get" and "list"');
    vault.refusal = undefined;
    expect(await store.get({ name: 'secret-1' }, signal)).toEqual({ 'secret-1': 'value 1' });
  });

  it('a disabled secret is refused by name', async () => {
    await using store = await open();
    const error = await failure(store.get({ name: 'secret-4' }, signal));
    expect(error.message).toContain('getting "secret-4"');
    expect(error.message).toContain('disabled');
  });

  it('a vault that is busy or gone is unavailable', async () => {
    vault.refusal = { status: 503, code: 'ServiceUnavailable', message: 'busy' };
    expect((await failure(open())).code).toBe('unavailable');
    const gone = await failure(openSecretService(vault.open(clientSecret, 'https://127.0.0.1:1'), signal));
    expect(gone.code).toBe('unavailable');
    expect(gone.message).toContain('check vaultName');
  });
});

describe('metadata', () => {
  it.each([
    ['mykeyvault', 'AzurePublicCloud', 'https://mykeyvault.vault.azure.net', 'https://login.microsoftonline.com'],
    ['mykeyvault', 'AzureChina', 'https://mykeyvault.vault.azure.cn', 'https://login.chinacloudapi.cn'],
    [
      'https://a.vault.usgovcloudapi.net',
      'AzurePublicCloud',
      'https://a.vault.usgovcloudapi.net',
      'https://login.microsoftonline.us',
    ],
  ] as const)('%s in %s is %s', (vaultName, azureEnvironment, url, authority) => {
    expect(vaultOf({ vaultName, azureEnvironment })).toEqual({ url, authority });
  });

  it.each([
    [{ vaultName: 'evil.example.com/' }, 'vaultName'],
    [{ azureAuthMethods: 'none' }, '"none" is none of'],
    [{ azureAuthMethods: 'creds' }, 'azureTenantId and azureClientId'],
    [{ azureCertificate: 'hunter2' }, 'azureCertificate: it has to hold'],
    [{ azureCertificateFile: '/no/such/file' }, 'azureCertificateFile "/no/such/file" cannot be read'],
  ])('%o is refused with the field to mend', async (properties, expected) => {
    const error = await failure(openComponent(definition, { vaultName: 'mykeyvault', ...properties }));
    expect(error.message).toContain(expected);
    expect(error.message).not.toContain('hunter2');
  });
});
