import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { openComponent } from '@outrigger/conformance';
import { ComponentError, openSecretService } from '@outrigger/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import definition from '../src/index.ts';
import { key, RecordedProject } from './recorded-project.ts';

const { signal } = new AbortController();
const project = new RecordedProject();

beforeAll(() => project.start());
afterAll(() => project[Symbol.asyncDispose]());
beforeEach(() => {
  project.refusal = undefined;
  project.secrets.clear();
  for (let index = 0; index < 8; index++) {
    project.secrets.set(`secret-${index}`, [{ value: `old ${index}` }, { value: `value ${index}` }]);
  }
});

const open = () => openSecretService(project.open(), signal);

async function failure(promise: Promise<unknown>): Promise<ComponentError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!ComponentError.is(error)) throw new Error('expected a ComponentError', { cause: error });
  const shown = inspect(error, { depth: 9 });
  for (const secret of [key, 'Bearer', 'hunter2']) expect(shown).not.toContain(secret);
  return error;
}

it('gives the latest version, or the one that is asked for', async () => {
  await using store = await open();
  expect(await store.get({ name: 'secret-1' }, signal)).toEqual({ 'secret-1': 'value 1' });
  const old = await store.get({ name: 'secret-1', metadata: { version_id: '1' } }, signal);
  expect(old).toEqual({ 'secret-1': 'old 1' });
});

it('lists all pages, by the names that get takes', async () => {
  await using store = await open();
  const all = (await store.getAll?.({}, signal)) ?? {};
  expect(Object.keys(all)).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((index) => `secret-${index}`));
  expect(all['secret-7']).toEqual({ 'secret-7': 'value 7' });
});

it('leaves a secret without a version out of the list', async () => {
  project.secrets.set('empty', []);
  await using store = await open();
  expect(await store.getAll?.({}, signal)).not.toHaveProperty('empty');
});

it.each(['', 'a/b', 'secret-1/versions/1', 'a b', 'ü', 'x:access'])('there is no secret called "%s"', async (name) => {
  await using store = await open();
  expect(await store.get({ name }, signal)).toBeUndefined();
});

describe('refusals', () => {
  it('a machine without any login ends the start, and nothing but the start', async () => {
    const unseen = vi.fn();
    process.on('unhandledRejection', unseen);
    const nowhere = join(tmpdir(), 'no-such-home');
    const none = {
      HOME: nowhere,
      APPDATA: nowhere,
      GOOGLE_APPLICATION_CREDENTIALS: '',
      METADATA_SERVER_DETECTION: 'none',
    };
    for (const [name, value] of Object.entries(none)) vi.stubEnv(name, value);
    try {
      const error = await failure(openComponent(definition, { projectID: 'my-project' }));
      expect(error).toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('no Google credentials found; set privateKeyID'),
      });
      // Node tells of them once all promises have had their turn
      await new Promise((resolve) => setImmediate(resolve));
      expect(unseen).not.toHaveBeenCalled();
    } finally {
      vi.unstubAllEnvs();
      process.off('unhandledRejection', unseen);
    }
  });

  it('a login that Google does not know ends the start', async () => {
    project.refusal = {
      code: 401,
      status: 'UNAUTHENTICATED',
      message: 'Request had invalid authentication credentials.',
    };
    const error = await failure(open());
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toContain('privateKey');
  });

  it('who may not list may still read, and hears which right is missing', async () => {
    const message = "Permission 'secretmanager.secrets.list' denied on resource (or it may not exist).";
    project.refusal = { code: 403, status: 'PERMISSION_DENIED', message };
    await using store = await open();
    const error = await failure(store.getAll?.({}, signal) ?? Promise.resolve());
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toContain(message);
    project.refusal = undefined;
    expect(await store.get({ name: 'secret-1' }, signal)).toEqual({ 'secret-1': 'value 1' });
  });

  it('a disabled version is refused by name', async () => {
    project.secrets.set('off', [{ value: 'x', state: 'DISABLED' }]);
    await using store = await open();
    const error = await failure(store.get({ name: 'off' }, signal));
    expect(error.message).toContain('getting "off"');
    expect(error.message).toContain('DISABLED');
  });

  it('a service that is busy or gone is unavailable', async () => {
    project.refusal = { code: 503, status: 'UNAVAILABLE', message: 'The service is currently unavailable.' };
    expect((await failure(open())).code).toBe('unavailable');
    expect((await failure(openSecretService(project.open(1), signal))).code).toBe('unavailable');
  });
});

describe('metadata', () => {
  const account = { project_id: 'p', private_key_id: 'id', private_key: key, client_email: 'a@b' };
  it.each([
    [{ ...account, type: 'authorized_user' }, 'type'],
    [{ ...account, private_key: '' }, 'privateKey is missing'],
    [{ ...account, client_email: '' }, 'clientEmail is missing'],
    [{ ...account, private_key: 'hunter2' }, 'privateKey is no private key'],
  ])('a key that is not whole is refused with the field to mend: %#', async (properties, expected) => {
    expect((await failure(openComponent(definition, properties))).message).toContain(expected);
  });
});
