import { type CreateContext, defineComponent, field, type SecretStore } from '@outrigger/core';
import { expect, it } from 'vitest';
import { openComponent } from './open-component.ts';

const store = { get: async () => undefined, [Symbol.asyncDispose]: async () => {} } as unknown as SecretStore;
const contexts: CreateContext[] = [];
const definition = defineComponent({
  kind: 'secrets',
  type: 'secretstores.test',
  version: 'v1',
  metadata: {
    path: field.text({ description: 'The file', required: true }),
    wait: field.duration({ description: 'How long', default: 1000 }),
  },
  create: async (context) => {
    contexts.push(context);
    return store;
  },
});

it('gives create the values of the texts, with the defaults, and the app', async () => {
  expect(await openComponent(definition, { PATH: 'a' }, { appId: 'orders' })).toBe(store);
  expect(contexts.at(-1)).toMatchObject({ metadata: { path: 'a', wait: 1000 }, appId: 'orders', namespace: '' });
});

it('refuses fields that are wrong, missing or unknown, and names them all', async () => {
  await expect(openComponent(definition, { wait: 'x', hurry: 'y' })).rejects.toThrow(
    /secretstores\.test: path is required .*; wait expected a duration .*; hurry is unknown/,
  );
});
