import { lstatSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { BindingError, type Bindings, ComponentError, defineComponent, field, type StateStore } from '@outrigger/core';
import { expect, it, onTestFinished, vi } from 'vitest';

import { socketsFolder } from '../../test/stock-component.ts';
import { useSocket } from '../../test/use-socket.ts';
import { servePluggable, type ServePluggableOptions } from './serve-pluggable.ts';

const never = new AbortController().signal;
const metadata = { greeting: field.text({ description: 'What it says', required: true }) };

/** Says its greeting under every key. */
function greeter(disposed = vi.fn<(greeting: string) => void>()) {
  const create = async ({ metadata: { greeting } }: { readonly metadata: { readonly greeting: string } }) =>
    ({
      features: [],
      get: async () => ({ value: Buffer.from(greeting) }),
      set: async () => {
        throw new ComponentError('unavailable', 'the disk is full');
      },
      delete: async () => {},
      [Symbol.asyncDispose]: async () => disposed(greeting),
    }) satisfies StateStore;
  return defineComponent({ kind: 'state', type: 'state.greeter', version: 'v1', metadata, create });
}

async function serve(options: Omit<ServePluggableOptions, 'folder'>) {
  const folder = socketsFolder();
  const server = await servePluggable({ folder, ...options });
  onTestFinished(() => server.close(1000));
  return { folder, server };
}

const read = async (store: StateStore) => String((await store.get({ key: 'k' }, never))?.value);

it('makes a component for each instance, anew where its properties change, and closes what it replaces', async () => {
  const disposed = vi.fn<(greeting: string) => void>();
  const { folder, server } = await serve({ components: [greeter(disposed)] });
  expect(server).toMatchObject({ socket: join(folder, 'greeter.sock'), types: ['state.greeter'] });
  const open = (instance: string, greeting: string) =>
    useSocket(folder, 'state', 'greeter', { greeting }, { instance });
  const [one, two] = [await open('one', 'hello'), await open('two', 'good day')];
  expect([await read(one), await read(two)]).toEqual(['hello', 'good day']);
  await open('one', 'hello');
  expect(disposed).not.toHaveBeenCalled();
  const changed = await open('one', 'hi');
  expect(await read(changed)).toBe('hi');
  expect(disposed.mock.calls).toEqual([['hello']]);
  await server.close(1000);
  expect(disposed.mock.calls.flat().toSorted()).toEqual(['good day', 'hello', 'hi']);
});

it('says which metadata is wrong, and what a component has thrown', async () => {
  const { folder } = await serve({ components: [greeter()] });
  await expect(useSocket(folder, 'state', 'greeter')).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringMatching(/greeter \(state\.greeter\): metadata field greeting is required/),
  });
  const store = await useSocket(folder, 'state', 'greeter', { greeting: 'x' });
  await expect(store.set({ key: 'k', value: Buffer.from('') }, never)).rejects.toMatchObject({
    code: 'unavailable',
    message: 'the disk is full',
  });
});

it('carries the metadata of a binding that has failed', async () => {
  const binding: Bindings = {
    operations: ['get'],
    invoke: async () => {
      throw new BindingError('not-found', 'no such page', { statusCode: '404' });
    },
    [Symbol.asyncDispose]: async () => {},
  };
  const create = async () => binding;
  const definition = defineComponent({ kind: 'bindings', type: 'bindings.page', version: 'v1', metadata: {}, create });
  const { folder } = await serve({ components: [definition] });
  const page = await useSocket(folder, 'bindings', 'page');
  const error: unknown = await page
    .invoke?.({ operation: 'get', data: Buffer.from(''), metadata: {} }, never)
    .catch((one: unknown) => one);
  expect(BindingError.is(error)).toBe(true);
  expect(error).toMatchObject({ code: 'not-found', message: 'no such page', metadata: { statusCode: '404' } });
});

it('replaces a socket that was left behind, has the mode it was given, and leaves nothing', async () => {
  const folder = socketsFolder();
  const path = join(folder, 'greeter.sock');
  const left = createServer();
  await new Promise<void>((resolve) => left.listen(`${path}.old`, resolve));
  // Nobody listens any more, but the file stays.
  const { renameSync } = await import('node:fs');
  renameSync(`${path}.old`, path);
  await new Promise((resolve) => left.close(resolve));
  expect(lstatSync(path).isSocket()).toBe(true);
  const server = await servePluggable({ components: [greeter()], folder, mode: 0o660 });
  expect(lstatSync(path).mode & 0o777).toBe(0o660);
  expect(await read(await useSocket(folder, 'state', 'greeter', { greeting: 'hello' }))).toBe('hello');
  await server.close(1000);
  expect(lstatSync(path, { throwIfNoEntry: false })).toBeUndefined();
});

it('refuses a socket that somebody listens on, a file that is none, and components that cannot share one', async () => {
  const { folder } = await serve({ components: [greeter()] });
  await expect(servePluggable({ components: [greeter()], folder })).rejects.toThrow(/another process listens on/);
  writeFileSync(join(folder, 'file.sock'), '');
  await expect(servePluggable({ components: [greeter()], folder, name: 'file' })).rejects.toThrow(/is no socket/);
  await expect(servePluggable({ components: [greeter(), greeter()], folder, name: 'two' })).rejects.toThrow(
    /one socket/,
  );
  await expect(servePluggable({ components: [], folder, name: 'none' })).rejects.toThrow(/no component/);
});
