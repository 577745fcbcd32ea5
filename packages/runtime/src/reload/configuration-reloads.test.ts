import { defineComponent } from '@outrigger/core';
import inMemory from '@outrigger/state-in-memory';
import { expect, test } from 'vitest';

import { Folder } from '../../test/folder.ts';
import { world } from '../../test/reload-world.ts';
import { component } from '../../test/traced-runtimes.ts';
import { inProcessApp } from '../app-channel/in-process.ts';
import type { Configuration } from '../resources/configuration.ts';
import type { Runtime, RuntimeOptions } from '../runtime.ts';

const configuration = (spec: string) =>
  `apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: main}\nspec:\n${spec}`;

async function configured(spec: string, options: Partial<RuntimeOptions> = {}) {
  const place = new Folder();
  const file = place.file('config.yaml', configuration(spec));
  const made = await world({ 'more.yaml': component('more', 'state.in-memory') }, [], {
    configPaths: [file],
    app: inProcessApp({ invoke: { hello: () => ({ status: 200 }) } }),
    ...options,
  });
  const change = async (next: string): Promise<void> => {
    place.file('config.yaml', next.startsWith(' ') ? configuration(next) : next);
    await made.runtime.reloadConfiguration();
  };
  return { ...made, change };
}

const caller = { trustDomain: 'public', namespace: 'default', appId: 'shop' };
const never = new AbortController().signal;

async function call(runtime: Runtime): Promise<string> {
  const request = { verb: 'GET', path: '/hello', query: '', headers: {}, body: undefined };
  return runtime.invocation.fromPeer(request, caller, never).then(
    ({ status }) => String(status),
    (error: { readonly grpcStatus: string }) => error.grpcStatus,
  );
}

test('calls of peers go by the access rules as they are now', async () => {
  const { runtime, change } = await configured('  features: []\n');
  expect(await call(runtime)).toBe('200');
  await change('  accessControl: {defaultAction: deny, trustDomain: public}\n');
  expect(await call(runtime)).toBe('PERMISSION_DENIED');
  await change(
    '  accessControl: {defaultAction: deny, trustDomain: public, policies: [{appId: shop, trustDomain: public, namespace: default, defaultAction: allow}]}\n',
  );
  expect(await call(runtime)).toBe('200');
});

test('secret scopes hold as they are now', async () => {
  const vault = defineComponent({
    kind: 'secrets',
    type: 'secretstores.same',
    version: 'v1',
    metadata: {},
    create: async () => ({
      features: [],
      get: async ({ name }) => ({ [name]: 'hush' }),
      [Symbol.asyncDispose]: async () => {},
    }),
  });
  const { folder, runtime, change } = await configured('  features: []\n', { components: [inMemory, vault] });
  folder.file('resources/vault.yaml', component('vault', 'secretstores.same'));
  await runtime.reloadResources();
  const read = () => runtime.secrets('vault').get('word');
  expect(await read()).toEqual({ word: 'hush' });
  await change('  secrets: {scopes: [{storeName: vault, defaultAccess: deny}]}\n');
  await expect(read()).rejects.toMatchObject({ httpStatus: 403 });
  await change('  secrets: {scopes: [{storeName: vault, defaultAccess: deny, allowedSecrets: [word]}]}\n');
  expect(await read()).toEqual({ word: 'hush' });
});

test('a component that is denied goes, and comes back with the permission', async () => {
  const { runtime, change } = await configured('  features: []\n');
  await change('  components: {deny: [state.in-memory]}\n');
  expect(runtime.components).toEqual([]);
  await change('  components: {deny: []}\n');
  expect(runtime.components.map(({ name }) => name)).toEqual(['kept', 'more']);
});

test('a file with a mistake, or one that its host cannot use, changes nothing', async () => {
  const refused = new Error('spec.tracing has to be an object');
  const reconfigure = ({ sections }: Configuration) => {
    if (typeof sections['tracing'] === 'string') throw refused;
    return { afterRestart: [], apply: () => {} };
  };
  const { runtime, change } = await configured('  accessControl: {defaultAction: deny}\n', { reconfigure });
  await expect(change('  accessControl: {defaultAction: perhaps}\n')).rejects.toThrow(
    /config\.yaml:5: .*spec\.accessControl\.defaultAction/,
  );
  await expect(change('kind: [')).rejects.toThrow(/config\.yaml/);
  await expect(change('  accessControl: {defaultAction: allow}\n  tracing: all\n')).rejects.toBe(refused);
  expect(await call(runtime)).toBe('PERMISSION_DENIED');
  await change('  accessControl: {defaultAction: allow}\n');
  expect(await call(runtime)).toBe('200');
});

test('what takes a restart is named once and stays as it was', async () => {
  const applied: string[] = [];
  const reconfigure = ({ name }: Configuration) => ({
    afterRestart: ['spec.metrics'],
    apply: () => void applied.push(name),
  });
  const { log, runtime, change } = await configured('  features: [{name: HotReload, enabled: true}]\n', {
    reconfigure,
  });
  await change('  features: [{name: HotReload, enabled: false}]\n  metrics: {enabled: false}\n');
  expect([...runtime.configuration.features]).toEqual([['HotReload', true]]);
  expect(applied).toEqual(['main']);
  await runtime.reloadConfiguration();
  const said = log.lines.filter((line) => line.includes('starts anew'));
  expect(said).toEqual([
    'warn of the Configuration, spec.features, spec.metrics changed: that takes effect when the sidecar starts anew',
  ]);
});
