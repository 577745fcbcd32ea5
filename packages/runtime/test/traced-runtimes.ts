import {
  ComponentError,
  type ComponentDefinition,
  type CreateContext,
  defineComponent,
  field,
  type PubSub,
  type SecretStore,
  type StateStore,
} from '@outrigger/core';
import { once } from 'node:events';
import { afterEach, beforeEach, expect } from 'vitest';

import { createRuntime } from '../src/create-runtime.ts';
import type { ResourceError } from '../src/resources/problems.ts';
import type { RuntimeOptions } from '../src/runtime.ts';
import { Folder } from './folder.ts';

const store: StateStore = {
  features: ['etag'],
  get: async () => ({ value: Buffer.from('v'), etag: '1' }),
  set: async () => {},
  delete: async () => {},
  [Symbol.asyncDispose]: async () => {},
};
const secretStore = (secrets: Readonly<Record<string, Record<string, string>>>): SecretStore => ({
  features: [],
  get: async ({ name }) => {
    if (name === 'broken') throw new ComponentError('unavailable', 'the vault is sealed');
    return secrets[name];
  },
  [Symbol.asyncDispose]: async () => {},
});
const pubsub: PubSub = {
  features: [],
  publish: async () => {},
  subscribe: async () => ({ pause: async () => {}, resume: async () => {}, [Symbol.asyncDispose]: async () => {} }),
  [Symbol.asyncDispose]: async () => {},
};

/** A Component resource as YAML, ready for another one behind it. */
export function component(name: string, type: string, metadata = '[]', rest = ''): string {
  return `apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: ${name}\nspec:\n  type: ${type}\n  version: v1\n  metadata: ${metadata}\n${rest}---\n`;
}

/** Metadata with which a component `state.test` starts. */
export const good = '[{name: host, value: h}]';

type Traced = <T extends AsyncDisposable>(context: CreateContext, instance: T) => T;

function definitionsOf(traced: Traced): ComponentDefinition[] {
  return [
    defineComponent({
      kind: 'state',
      type: 'state.test',
      version: 'v1',
      metadata: {
        host: field.text({ description: 'Where it is', required: true }),
        timeout: field.duration({ description: 'How long', default: 1000 }),
        password: field.text({ description: 'Secret', secret: true }),
      },
      create: async (context) => {
        if (context.metadata.host === 'down')
          throw new ComponentError('unavailable', 'cannot reach down:1; is it running?');
        if (context.metadata.host === 'silent') await new Promise(() => {});
        if (context.metadata.host === 'lazy') {
          await once(context.signal, 'abort');
          throw new ComponentError('unavailable', 'lazy:1 has not answered; check host');
        }
        return traced(context, store);
      },
    }),
    defineComponent({
      kind: 'secrets',
      type: 'secretstores.test',
      version: 'v1',
      metadata: { key: field.text({ description: 'Unlocks it' }) },
      create: async (context) =>
        traced(
          context,
          secretStore({ login: { password: 'hunter2' }, vault: { vault: 'opened' }, host: { host: 'h' } }),
        ),
    }),
    defineComponent({
      kind: 'pubsub',
      type: 'pubsub.test',
      version: 'v1',
      metadata: { consumerID: field.text({ description: 'Group' }) },
      create: async (context) => traced(context, pubsub),
    }),
  ];
}

/**
 * Runtimes over components whose start and end can be seen: `state.test`, `secretstores.test` and `pubsub.test`. To be called once in
 * a test file; every test finds it empty.
 */
export function tracedRuntimes() {
  let current: Folder;
  const folder = {
    get path(): string {
      return current.path;
    },
    file: (name: string, content: string) => current.file(name, content),
    install: (...given: Parameters<Folder['install']>) => current.install(...given),
  };
  /** What components did, one after the other. */
  const events: string[] = [];
  /** What they were created with. */
  const contexts: CreateContext[] = [];
  beforeEach(() => {
    current = new Folder();
    events.length = 0;
    contexts.length = 0;
  });
  afterEach(() => current[Symbol.dispose]());

  const traced: Traced = (context, instance) => {
    contexts.push(context);
    events.push(`start ${context.name}`);
    return {
      ...instance,
      [Symbol.asyncDispose]: async () => {
        events.push(`end ${context.name}`);
      },
    };
  };
  const definitions = definitionsOf(traced);

  const start = (yaml: string, options: Partial<RuntimeOptions> = {}) => {
    folder.file('resources/all.yaml', yaml);
    return createRuntime({
      appId: 'app',
      namespace: '',
      resourcesPaths: [`${folder.path}/resources`],
      components: definitions,
      searchFrom: folder.path,
      env: {},
      ...options,
    });
  };

  /** The lines of the message with which the start is refused, paths from the folder with the resources on. */
  const failedStart = async (yaml: string, options: Partial<RuntimeOptions> = {}): Promise<string[]> => {
    const error = await start(yaml, options).then(
      () => undefined,
      (caught: unknown) => caught as ResourceError,
    );
    expect(error?.name).toBe('ResourceError');
    return error?.message.replaceAll(`${folder.path}/resources/`, '').split('\n') ?? [];
  };

  return { folder, events, contexts, traced, definitions, start, failedStart };
}
