import { describe, expect, it, vi } from 'vitest';
import { ComponentError } from './errors.ts';
import { openSecretService, type SecretService } from './secret-service.ts';

const { signal } = new AbortController();
const failing = (first: () => Promise<never>) => ({ [Symbol.asyncIterator]: () => ({ next: first }) });
const values: Readonly<Record<string, string>> = { a: '1', b: '2', c: '3' };

function service(more: Partial<SecretService> = {}) {
  return {
    title: 'the vault',
    features: [],
    timeout: 10_000,
    addressFields: 'endpoint',
    get: async (name: string) => (values[name] === undefined ? undefined : { [name]: values[name] }),
    async *list() {
      yield ['a', 'b'];
      yield ['c', 'gone'];
    },
    failure: (error: unknown, doing: string) => new ComponentError('internal', `${doing}: ${String(error)}`),
    isForbidden: (error: unknown) => String(error).includes('forbidden'),
    close: vi.fn<() => void>(),
    ...more,
  } satisfies SecretService;
}

it('gives single secrets, and all of every page but those that are gone', async () => {
  await using store = await openSecretService(service(), signal);
  expect(await store.get({ name: 'a' }, signal)).toEqual({ a: '1' });
  expect(await store.get({ name: 'x' }, signal)).toBeUndefined();
  expect(await store.getAll?.({}, signal)).toEqual({ a: { a: '1' }, b: { b: '2' }, c: { c: '3' } });
});

describe('the start', () => {
  it('succeeds for who may not list', async () => {
    const list = () => failing(() => Promise.reject(new Error('forbidden')));
    await using store = await openSecretService(service({ list }), signal);
    expect(await store.get({ name: 'a' }, signal)).toEqual({ a: '1' });
    await expect(store.getAll?.({}, signal)).rejects.toThrow('listing: Error: forbidden');
  });

  it('fails with the reason otherwise, and closes the service', async () => {
    const broken = service({ list: () => failing(() => Promise.reject(new Error('no such host'))) });
    await expect(openSecretService(broken, signal)).rejects.toThrow('connecting: Error: no such host');
    expect(broken.close).toHaveBeenCalledOnce();
  });

  it('that is given up says what was waited for', async () => {
    const silent = service({ list: () => failing(() => new Promise(() => {})) });
    await expect(openSecretService(silent, AbortSignal.timeout(10))).rejects.toThrow(
      'the vault has not answered yet; check endpoint',
    );
  });
});

it('a call names what failed, and ends when its caller gives up', async () => {
  await using store = await openSecretService(service({ get: () => Promise.reject(new Error('broken')) }), signal);
  await expect(store.get({ name: 'a' }, signal)).rejects.toThrow('getting "a": Error: broken');
  await expect(store.get({ name: 'a' }, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
});

it('closing waits for a list that is being read, and closes the service after it', async () => {
  const read = Promise.withResolvers<{ a: string }>();
  const slow = service({ get: () => read.promise });
  const store = await openSecretService(slow, signal);
  const all = store.getAll?.({}, signal);
  const closed = store[Symbol.asyncDispose]();
  expect(slow.close).not.toHaveBeenCalled();
  read.resolve({ a: '1' });
  expect(Object.keys((await all) ?? {})).toEqual(['a', 'b', 'c', 'gone']);
  await closed;
  expect(slow.close).toHaveBeenCalledOnce();
  await expect(store.get({ name: 'a' }, signal)).rejects.toMatchObject({ code: 'unavailable' });
});
