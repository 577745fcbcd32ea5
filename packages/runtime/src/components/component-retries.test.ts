import { ComponentError, defineComponent, field } from '@outrigger/core';
import { expect, test } from 'vitest';

import { world } from '../../test/reload-world.ts';
import { component } from '../../test/traced-runtimes.ts';
import { inProcessApp } from '../app-channel/in-process.ts';
import pubsub from '@outrigger/pubsub-in-memory';

/** Backends that are away until they are let in; `password` is what each component was made with. */
function doors() {
  const attempts: string[] = [];
  const state = { isOpen: false };
  const enter = (password: string): void => {
    attempts.push(password);
    if (!state.isOpen) throw new ComponentError('unavailable', `the door is shut for ${password}`);
    if (password === 'stranger') throw new ComponentError('invalid-argument', 'no such user');
  };
  const password = field.text({ description: 'Opens it', default: '' });
  const common = { version: 'v1', metadata: { password } };
  const locks = defineComponent({
    ...common,
    kind: 'lock',
    type: 'lock.door',
    create: async ({ metadata }) => {
      enter(metadata.password);
      return {
        tryLock: async () => true,
        unlock: async () => 'missing' as const,
        [Symbol.asyncDispose]: async () => {},
      };
    },
  });
  const vault = defineComponent({
    ...common,
    kind: 'secrets',
    type: 'secretstores.door',
    create: async ({ metadata }) => {
      enter(metadata.password);
      return { features: [], get: async ({ name }) => ({ [name]: 'hush' }), [Symbol.asyncDispose]: async () => {} };
    },
  });
  const broker = defineComponent({
    ...pubsub,
    type: 'pubsub.door',
    create: async (context) => {
      enter('broker');
      return pubsub.create(context);
    },
  });
  const bindings = defineComponent({
    ...common,
    kind: 'bindings',
    type: 'bindings.door',
    create: async ({ metadata }) => {
      enter(metadata.password);
      return { operations: ['get'], invoke: async () => ({ metadata: {} }), [Symbol.asyncDispose]: async () => {} };
    },
  });
  return { attempts, state, definitions: [locks, vault, broker, bindings] };
}

const locks = (password: string) => component('locks', 'lock.door', `[{name: password, value: ${password}}]`);
const again = { retryComponents: true };
const statuses = (runtime: { readonly components: readonly { name: string; status: string }[] }) =>
  Object.fromEntries(runtime.components.map(({ name, status }) => [name, status]));

test('what is away does not keep the others from starting, is told of, and comes up', async () => {
  const { state, definitions } = doors();
  const got: unknown[] = [];
  const app = inProcessApp({
    subscribe: [{ pubsubName: 'events', topic: 'orders', handler: ({ data }) => void got.push(data) }],
  });
  const files = {
    'locks.yaml': locks('me'),
    'events.yaml': component('events', 'pubsub.door'),
    'lamp.yaml': component('lamp', 'bindings.door'),
  };
  const { log, runtime } = await world(files, definitions, { ...again, app });
  await runtime.connectApp();
  expect(statuses(runtime)).toEqual({ events: 'retrying', kept: 'ready', lamp: 'retrying', locks: 'retrying' });
  expect(runtime.components.find(({ name }) => name === 'locks')?.message).toMatch(/the door is shut for me/);
  const refusal = { errorCode: 'ERR_COMPONENT_NOT_READY', httpStatus: 503, grpcStatus: 'UNAVAILABLE' };
  expect(() => runtime.lock('locks')).toThrow(expect.objectContaining(refusal));
  expect(() => runtime.lock('locks')).toThrow(/component "locks" .*the door is shut for me; it is tried again/);
  const event = { pubsubName: 'events', topic: 'orders', data: Buffer.from('"x"'), contentType: 'application/json' };
  await expect(runtime.pubsub.publish(event)).rejects.toMatchObject(refusal);
  await expect(runtime.bindings.invoke({ name: 'lamp', operation: 'get' })).rejects.toMatchObject(refusal);

  state.isOpen = true;
  await expect.poll(() => statuses(runtime)).toEqual({ events: 'ready', kept: 'ready', lamp: 'ready', locks: 'ready' });
  await runtime.pubsub.publish(event);
  await expect.poll(() => got).toEqual(['x']);
  await runtime.bindings.invoke({ name: 'lamp', operation: 'get' });
  const owner = { resourceId: 'r', owner: 'o' };
  expect(await runtime.lock('locks').tryLock({ ...owner, expiryInSeconds: 5 })).toBe(true);
  expect(log.lines.join('\n')).toMatch(/locks\.yaml:1: .*the door is shut.*it is tried again in the background/);
});

test('without the option the start fails as in Dapr', async () => {
  const { definitions } = doors();
  await expect(world({ 'locks.yaml': locks('me') }, definitions)).rejects.toThrow(/the door is shut/);
});

test('what is wrong in a file stops the start all the same', async () => {
  const { state, definitions } = doors();
  const unknownVersion = component('kept-too', 'state.in-memory', '[]').replace('version: v1', 'version: v9');
  await expect(world({ 'bad.yaml': unknownVersion }, definitions, again)).rejects.toThrow(/kept-too/);
  state.isOpen = true;
  await expect(world({ 'locks.yaml': locks('stranger') }, definitions, again)).rejects.toThrow(/no such user/);
});

test('what needs a secret of a store that is away comes up with it, HTTPEndpoints too', async () => {
  const { state, attempts, definitions } = doors();
  const secret = 'secretKeyRef: {name: word, key: word}';
  const { runtime } = await world(
    {
      'vault.yaml': component('vault', 'secretstores.door', '[{name: password, value: vault}]'),
      'locks.yaml': component('locks', 'lock.door', `[{name: password, ${secret}}]`, 'auth: {secretStore: vault}\n'),
      'shop.yaml': `apiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata: {name: shop}\nspec: {baseUrl: "http://127.0.0.1:1", headers: [{name: key, ${secret}}]}\nauth: {secretStore: vault}\n`,
    },
    definitions,
    again,
  );
  expect(statuses(runtime)).toEqual({ kept: 'ready', locks: 'retrying', vault: 'retrying' });
  expect(runtime.httpEndpoints).toEqual([]);
  state.isOpen = true;
  await expect.poll(() => statuses(runtime)).toEqual({ kept: 'ready', locks: 'ready', vault: 'ready' });
  await expect.poll(() => runtime.httpEndpoints).toEqual(['shop']);
  expect(attempts).toContain('hush');
});

test('a changed file is tried at once, and one that is gone no more', async () => {
  const { state, attempts, definitions } = doors();
  const { folder, runtime } = await world({ 'locks.yaml': locks('me') }, definitions, again);
  folder.file('resources/locks.yaml', locks('you'));
  await runtime.reloadResources();
  expect(attempts.slice(-1)).toEqual(['you']);
  expect(statuses(runtime)).toEqual({ kept: 'ready', locks: 'retrying' });
  folder.file('resources/locks.yaml', '');
  await runtime.reloadResources();
  expect(statuses(runtime)).toEqual({ kept: 'ready' });
  expect(() => runtime.lock('locks')).toThrow(expect.objectContaining({ httpStatus: 500 }));

  folder.file('resources/locks.yaml', locks('us'));
  await runtime.reloadResources();
  state.isOpen = true;
  await expect.poll(() => statuses(runtime)).toEqual({ kept: 'ready', locks: 'ready' });
  expect(attempts.filter((one) => one === 'me')).toHaveLength(1);
});

test('one that turns out to be wrong is not tried any more until its file changes', async () => {
  const { state, attempts, definitions } = doors();
  const { folder, log, runtime } = await world({ 'locks.yaml': locks('stranger') }, definitions, again);
  state.isOpen = true;
  await expect.poll(() => statuses(runtime)).toEqual({ kept: 'ready' });
  expect(log.lines.join('\n')).toMatch(/no such user.*not there until its file changes/);
  const tries = attempts.length;
  await runtime.reloadResources();
  expect(attempts).toHaveLength(tries);
  folder.file('resources/locks.yaml', locks('me'));
  await runtime.reloadResources();
  expect(statuses(runtime)).toEqual({ kept: 'ready', locks: 'ready' });
});

test('a store whose backend goes away says so until a call succeeds', async () => {
  const failure: { error?: ComponentError } = {};
  const picky = defineComponent({
    kind: 'lock',
    type: 'lock.picky',
    version: 'v1',
    metadata: {},
    create: async () => ({
      tryLock: async () => {
        if (failure.error !== undefined) throw failure.error;
        return true;
      },
      unlock: async () => 'missing' as const,
      [Symbol.asyncDispose]: async () => {},
    }),
  });
  const { runtime } = await world({ 'locks.yaml': component('locks', 'lock.picky') }, [picky]);
  const tryLock = () => runtime.lock('locks').tryLock({ resourceId: 'r', owner: 'o', expiryInSeconds: 5 });
  failure.error = new ComponentError('unavailable', 'connection refused');
  await expect(tryLock()).rejects.toThrow(/refused/);
  expect(runtime.components.find(({ name }) => name === 'locks')).toMatchObject({
    status: 'unavailable',
    message: 'connection refused',
  });
  failure.error = new ComponentError('invalid-argument', 'not like this');
  await expect(tryLock()).rejects.toThrow(/not like this/);
  expect(statuses(runtime)).toEqual({ kept: 'ready', locks: 'ready' });
});
