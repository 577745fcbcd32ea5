import {
  ComponentError,
  type ComponentDefinition,
  type CreateContext,
  defineComponent,
  field,
  type NameResolver,
  type PubSub,
  type SecretStore,
  type StateStore,
} from '@outrigger/core';
import { afterEach, describe, expect, test } from 'vitest';

import { definitionSource, Folder, LogLines } from '../test/folder.ts';
import type { AppChannel } from './app-channel/app-channel.ts';
import { inProcessApp } from './app-channel/in-process.ts';
import type { PeerTransport } from './blocks/invocation.ts';
import { createRuntime } from './create-runtime.ts';
import type { ResourceError } from './resources/problems.ts';
import type { RuntimeOptions } from './runtime.ts';

let folder = new Folder();
let events: string[] = [];
let contexts: CreateContext[] = [];
afterEach(() => {
  folder[Symbol.dispose]();
  folder = new Folder();
  events = [];
  contexts = [];
});

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

/** A component whose start and end can be seen. */
function traced<T extends AsyncDisposable>(context: CreateContext, instance: T): T {
  contexts.push(context);
  events.push(`start ${context.name}`);
  return {
    ...instance,
    [Symbol.asyncDispose]: async () => {
      events.push(`end ${context.name}`);
    },
  };
}

const definitions: ComponentDefinition[] = [
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
      return traced(context, store);
    },
  }),
  defineComponent({
    kind: 'secrets',
    type: 'secretstores.test',
    version: 'v1',
    metadata: { key: field.text({ description: 'Unlocks it' }) },
    create: async (context) =>
      traced(context, secretStore({ login: { password: 'hunter2' }, vault: { vault: 'opened' }, host: { host: 'h' } })),
  }),
  defineComponent({
    kind: 'pubsub',
    type: 'pubsub.test',
    version: 'v1',
    metadata: { consumerID: field.text({ description: 'Group' }) },
    create: async (context) => traced(context, pubsub),
  }),
];

function component(name: string, type: string, metadata = '[]', rest = ''): string {
  return `apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: ${name}\nspec:\n  type: ${type}\n  version: v1\n  metadata: ${metadata}\n${rest}---\n`;
}

function start(yaml: string, options: Partial<RuntimeOptions> = {}) {
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
}

async function failedStart(yaml: string, options: Partial<RuntimeOptions> = {}): Promise<string[]> {
  const error = await start(yaml, options).then(
    () => undefined,
    (caught: unknown) => caught as ResourceError,
  );
  expect(error?.name).toBe('ResourceError');
  return error?.message.replaceAll(`${folder.path}/resources/`, '').split('\n') ?? [];
}

const good = '[{name: host, value: h}]';

describe('values', () => {
  test('come from the YAML, secrets, the environment and templates', async () => {
    await using _ = await start(
      component(
        'store',
        'state.test',
        `
    - {name: HOST, value: "{appID}/{namespace}/{podName}/{uuid}"}
    - {name: Timeout, value: 5s}
    - {name: password, secretKeyRef: {name: login, key: password}}
    - {name: keyPrefix, envRef: PREFIX}`,
        'auth: {secretStore: vault}\n',
      ) + component('vault', 'secretstores.test'),
      { namespace: 'prod', env: { POD_NAME: 'pod-1', PREFIX: 'p' } },
    );
    const context = contexts.find(({ name }) => name === 'store');
    expect(context?.metadata).toEqual({
      host: expect.stringMatching(/^app\/prod\.app\/pod-1\/[-0-9a-f]{36}$/),
      timeout: 5000,
      password: 'hunter2',
    });
    expect(context?.properties['keyPrefix']).toBe('p');
    expect(context).toMatchObject({ appId: 'app', namespace: 'prod' });
  });

  test('that cannot be had are all told, with field, store, secret and key', async () => {
    const secret = (fieldName: string, name: string, key: string) =>
      `\n    - {name: ${fieldName}, secretKeyRef: {name: ${name}, key: ${key}}}`;
    const yaml =
      component(
        'a',
        'state.test',
        secret('host', 'none', 'x') + secret('timeout', 'login', 'x') + secret('password', 'broken', 'x'),
        'auth: {secretStore: vault}\n',
      ) +
      component('b', 'state.test', secret('host', 'login', 'x')) +
      component('c', 'state.test', secret('host', 'login', 'x'), 'auth: {secretStore: nowhere}\n') +
      component(
        'd',
        'state.test',
        '\n    - {name: host, envRef: DAPR_API_TOKEN}\n    - {name: timeout, envRef: OTHER}\n    - {name: password, value: "{podName}"}',
      ) +
      component('vault', 'secretstores.test');
    expect(await failedStart(yaml, { env: { DAPR_ENV_KEYS: 'ONE TWO', DAPR_API_TOKEN: 't', OTHER: 'o' } })).toEqual([
      'all.yaml:9: Component "a": host: there is no secret "none" in the store "vault"',
      'all.yaml:10: Component "a": timeout: the secret "login" in the store "vault" has no key "x"',
      'all.yaml:11: Component "a": password: secret "broken" cannot be read from the store "vault": the vault is sealed',
      'all.yaml:22: Component "b": host: secret "login" needs auth.secretStore at the top level of the resource',
      'all.yaml:32: Component "c": host: secret "login" is in the store "nowhere" (auth.secretStore), which is not loaded: add a Component of that name and a type secretstores.…',
      'all.yaml:43: Component "d": host: envRef must not name DAPR_API_TOKEN: DAPR_* and APP_API_TOKEN are not given to components',
      'all.yaml:44: Component "d": timeout: envRef must not name OTHER: it is not in DAPR_ENV_KEYS',
      'all.yaml:45: Component "d": password: {podName} needs the environment variable POD_NAME, which is not set',
    ]);
  });

  test('of metadata that are wrong are told for all components at once, without the value', async () => {
    const message = await failedStart(
      component('a', 'state.test', '\n    - {name: timeout, value: hunter2}') +
        component('b', 'state.test', '[{name: host, value: h}, {name: timeout, value: x}]'),
    );
    expect(message).toEqual([
      'all.yaml:1: Component "a": metadata field host is required (Where it is)',
      'all.yaml:9: Component "a": metadata field timeout: expected a duration such as "500ms", "5s" or "1m30s"',
      'all.yaml:18: Component "b": metadata field timeout: expected a duration such as "500ms", "5s" or "1m30s"',
    ]);
  });

  test('that no field takes are warned of, but for those of the building block', async () => {
    const logger = new LogLines();
    await using _ = await start(
      component(
        'store',
        'state.test',
        '\n    - {name: host, value: h}\n    - {name: tiemout, value: 1s}\n    - {name: keyPrefix, value: name}',
      ),
      { logger },
    );
    expect(logger.lines.filter((line) => line.startsWith('warn'))).toEqual([
      `warn ${folder.path}/resources/all.yaml:10: Component "store": metadata field tiemout is unknown to state.test/v1 and is ignored; did you mean timeout?`,
    ]);
  });

  test('consumerID of a broker is the app id unless it is given', async () => {
    await using _ = await start(
      component('one', 'pubsub.test') + component('two', 'pubsub.test', '[{name: consumerid, value: mine}]'),
    );
    expect(Object.fromEntries(contexts.map(({ name, metadata }) => [name, metadata['consumerID']]))).toEqual({
      one: 'app',
      two: 'mine',
    });
  });
});

describe('the start', () => {
  test('brings secret stores up before those that need them, and takes everything down in the opposite order', async () => {
    const logger = new LogLines();
    {
      await using _ = await start(
        component('store', 'state.test', '[{name: host, secretKeyRef: {name: host}}]', 'auth: {secretStore: inner}\n') +
          component(
            'inner',
            'secretstores.test',
            '[{name: key, secretKeyRef: {name: vault}}]',
            'auth: {secretStore: outer}\n',
          ) +
          component('outer', 'secretstores.test'),
        { logger },
      );
      expect(events).toEqual(['start outer', 'start inner', 'start store']);
    }
    expect(events.slice(3)).toEqual(['end store', 'end inner', 'end outer']);
    expect(logger.lines).toContain('info Component loaded: store (state.test/v1)');
  });

  test('two secret stores that need each other are an error', async () => {
    const inCircle = (name: string, other: string) =>
      component(
        name,
        'secretstores.test',
        '[{name: key, secretKeyRef: {name: vault}}]',
        `auth: {secretStore: ${other}}\n`,
      );
    const lines = await failedStart(inCircle('a', 'b') + inCircle('b', 'a'));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain(
      'Component "a": key: secret "vault" is in the store "b" (auth.secretStore), which is not loaded',
    );
  });

  test('that fails for some names all of them, and takes the others down again', async () => {
    const lines = await failedStart(
      component('good', 'state.test', good) +
        component('bad', 'state.test', '[{name: host, value: down}]') +
        component('worse', 'state.test', '[{name: host, value: silent}]', '  initTimeout: 20ms\n'),
    );
    expect(lines).toEqual([
      'all.yaml:10: Component "bad": (state.test/v1) did not start: cannot reach down:1; is it running?',
      'all.yaml:19: Component "worse": (state.test/v1) did not start: it was not up within 20 ms; check that what it connects to answers, or give it more time with spec.initTimeout',
    ]);
    expect(events).toEqual(['start good', 'end good']);
  });

  test('goes on without a component that says ignoreErrors', async () => {
    const logger = new LogLines();
    await using runtime = await start(
      component('good', 'state.test', good) +
        component('bad', 'state.test', '[{name: host, value: down}]', '  ignoreErrors: true\n') +
        component('unknown', 'state.none', '[]', '  ignoreErrors: true\n'),
      { logger },
    );
    expect(runtime.components.map(({ name }) => name)).toEqual(['good']);
    expect(() => runtime.state('bad')).toThrow(/bad/);
    expect(logger.lines.filter((line) => line.startsWith('error'))).toEqual([
      expect.stringContaining('Component "unknown": no installed package provides state.none/v1'),
      expect.stringContaining('Component "bad": (state.test/v1) did not start: cannot reach down:1'),
    ]);
  });

  test('tells problems of all files, kinds and types in one message before anything starts', async () => {
    folder.file(
      'config.yaml',
      'kind: Configuration\napiVersion: dapr.io/v1alpha1\nmetadata: {name: c}\nspec: {features: 1}\n',
    );
    const lines = await failedStart(
      component('good', 'state.test', good) +
        component('x', 'state.tset', good) +
        'kind: Resiliency\napiVersion: dapr.io/v1alpha1\nmetadata: {name: r}\nspec: {policies: {timeouts: {t: x}}}\n',
      { configPaths: [`${folder.path}/config.yaml`] },
    );
    expect(lines).toEqual([
      `${folder.path}/config.yaml:4: Configuration "c": spec.features must be a list of objects`,
      'all.yaml:10: Component "x": no installed package provides state.tset/v1; did you mean state.test?',
      'all.yaml:22: Resiliency "r": spec.policies.timeouts.t must be a duration such as "500ms", "5s" or "1m30s"',
    ]);
    expect(events).toEqual([]);
  });

  test('can be aborted, and leaves nothing behind', async () => {
    const abort = new AbortController();
    const starting = start(
      component('good', 'state.test', good) + component('slow', 'state.test', '[{name: host, value: silent}]'),
      { signal: abort.signal },
    );
    await expect.poll(() => events).toEqual(['start good']);
    abort.abort(new Error('stopped'));
    await expect(starting).rejects.toThrow('stopped');
    expect(events).toEqual(['start good', 'end good']);
  });

  test('leaves out what the Configuration denies', async () => {
    folder.file(
      'config.yaml',
      'kind: Configuration\napiVersion: dapr.io/v1alpha1\nmetadata: {name: c}\nspec: {components: {deny: [state.test/v1]}}\n',
    );
    const logger = new LogLines();
    await using runtime = await start(component('store', 'state.test', good) + component('broker', 'pubsub.test'), {
      logger,
      configPaths: [`${folder.path}/config.yaml`],
    });
    expect(runtime.components.map(({ name }) => name)).toEqual(['broker']);
    expect(logger.lines).toContainEqual(
      expect.stringContaining('Component "store": is not loaded, since the Configuration denies state.test/v1'),
    );
  });

  test('names a key prefix that the state block cannot use, with its file', async () => {
    const lines = await failedStart(
      component('store', 'state.test', '[{name: host, value: h}, {name: keyPrefix, value: "a||b"}]'),
    );
    expect(lines).toEqual([expect.stringMatching(/^all\.yaml:1: Component "store": .*keyPrefix/)]);
    expect(events).toEqual(['start store', 'end store']);
  });

  test('imports the package of a type from node_modules', async () => {
    folder.install(
      'theirs',
      { outrigger: { spi: 1, components: { 'state.theirs/v1': '.' } } },
      {
        'index.js': definitionSource(`kind: 'state', type: 'state.theirs', create: async () => ({
          features: [], get: async () => ({ value: Buffer.from('theirs') }), set: async () => {}, delete: async () => {},
          [Symbol.asyncDispose]: async () => {},
        })`),
      },
    );
    await using runtime = await start(component('store', 'state.theirs'));
    expect(Buffer.from((await runtime.state('store').get('k'))?.value ?? []).toString()).toBe('theirs');
  });
});

describe('the runtime', () => {
  test('tells what is loaded, in the order of the resources', async () => {
    await using runtime = await start(
      component('two', 'pubsub.test') +
        component('one', 'state.test', good) +
        'kind: HTTPEndpoint\napiVersion: dapr.io/v1alpha1\nmetadata: {name: api}\nspec: {baseUrl: "https://example.com"}\n---\nkind: Resiliency\napiVersion: dapr.io/v1alpha1\nmetadata: {name: r}\nspec: {}\n',
    );
    expect(runtime.components).toEqual([
      { name: 'two', type: 'pubsub.test', version: 'v1', capabilities: [] },
      { name: 'one', type: 'state.test', version: 'v1', capabilities: ['ETAG'] },
    ]);
    expect([runtime.httpEndpoints, runtime.resiliencies, runtime.subscriptions]).toEqual([['api'], ['r'], []]);
  });

  test('tells of subscriptions that have no app or no broker to work with', async () => {
    await using runtime = await start(
      'kind: Subscription\napiVersion: dapr.io/v1alpha1\nmetadata: {name: s}\nspec: {pubsubname: nowhere, topic: t, route: /t}\n',
    );
    await runtime.connectApp();
    expect(runtime.subscriptions).toMatchObject([{ pubsubName: 'nowhere', topic: 't', type: 'DECLARATIVE' }]);
  });

  test('delivers to the app from connectApp on, and ends subscriptions before components', async () => {
    {
      await using runtime = await start(component('broker', 'pubsub.test'), {
        app: inProcessApp({ subscribe: [{ pubsubName: 'broker', topic: 't', handler: () => {} }] }),
      });
      expect(runtime.subscriptions).toEqual([]);
      await runtime.connectApp();
      expect(runtime.subscriptions).toMatchObject([{ pubsubName: 'broker', topic: 't', type: 'PROGRAMMATIC' }]);
      await runtime.drain(AbortSignal.timeout(1000));
      expect(events).toEqual(['start broker']);
    }
    expect(events).toEqual(['start broker', 'end broker']);
  });

  test('asks the app for its configuration and its subscriptions, anew when it comes back', async () => {
    const asked: string[] = [];
    let healthy = true;
    const app: AppChannel = Object.assign(inProcessApp({ healthy: () => healthy }), {
      configuration: async () => {
        asked.push('configuration');
        throw new Error('not now');
      },
      subscriptions: async () => {
        asked.push('subscriptions');
        return [];
      },
    });
    const log = new LogLines();
    await using runtime = await start('', {
      app,
      appHealth: { intervalMs: 2, timeoutMs: 1000, threshold: 1 },
      logger: log,
    });
    await runtime.appUnhealthy(AbortSignal.timeout(1000));
    await runtime.connectApp();
    expect(asked).toEqual(['configuration', 'subscriptions']);
    healthy = false;
    await runtime.appUnhealthy(AbortSignal.timeout(1000));
    healthy = true;
    await expect.poll(() => asked).toEqual(['configuration', 'subscriptions', 'configuration', 'subscriptions']);
    expect(log.lines.join('\n')).toContain("reading the app's configuration failed: not now");
  });

  test('never calls an app unhealthy whose health it does not check', async () => {
    await using runtime = await start('', { app: inProcessApp({ healthy: () => false }) });
    await runtime.connectApp();
    await expect(runtime.appUnhealthy(AbortSignal.timeout(5))).rejects.toThrow(/timeout/);
  });

  const peers: PeerTransport = {
    call: () => Promise.reject(new Error('nobody is called')),
    [Symbol.asyncDispose]: async () => {},
  };
  const resolver = (type: string) =>
    defineComponent({
      kind: 'nameresolution',
      type,
      version: 'v1',
      metadata: { file: field.text({ description: 'Where' }) },
      create: async (context): Promise<NameResolver> =>
        traced(context, {
          resolve: async () => [],
          register: async ({ appId, host, port }) => {
            events.push(`register ${appId} at ${host}:${port}`);
            return { [Symbol.asyncDispose]: async () => void events.push('leave') };
          },
          [Symbol.asyncDispose]: async () => {},
        }),
    });

  test('registers with the name resolver of the Configuration once the app is there', async () => {
    folder.file(
      'config.yaml',
      'kind: Configuration\napiVersion: dapr.io/v1alpha1\nmetadata: {name: c}\nspec: {nameResolution: {component: test, configuration: {file: $PLACE}}}\n',
    );
    {
      await using runtime = await start('', {
        components: [resolver('nameresolution.test')],
        configPaths: [`${folder.path}/config.yaml`],
        env: { PLACE: 'names' },
        peers,
        self: { host: '127.0.0.1', port: 4711 },
      });
      expect(contexts[0]?.metadata).toEqual({ file: 'names' });
      expect(runtime.components).toEqual([]);
      await runtime.connectApp();
    }
    expect(events).toEqual([
      'start nameresolution.test',
      'register app at 127.0.0.1:4711',
      'leave',
      'end nameresolution.test',
    ]);
  });

  test('needs no name resolver when it has no way to peers', async () => {
    folder.file(
      'config.yaml',
      'kind: Configuration\napiVersion: dapr.io/v1alpha1\nmetadata: {name: c}\nspec: {nameResolution: {component: none}}\n',
    );
    const configPaths = [`${folder.path}/config.yaml`];
    await using _ = await start('', { configPaths });
  });

  test('takes the usual name resolver, aloud, for one that nobody provides, but not for a misspelt one', async () => {
    const configPaths = [`${folder.path}/config.yaml`];
    const configuration = (component: string) =>
      `kind: Configuration\napiVersion: dapr.io/v1alpha1\nmetadata: {name: c}\nspec: {nameResolution: {component: ${component}}}\n`;
    folder.file('config.yaml', configuration('elsewhere'));
    const logger = new LogLines();
    await using _ = await start('', { configPaths, peers, logger });
    expect(logger.lines).toContainEqual(
      expect.stringMatching(
        /config\.yaml:4: no installed package provides nameresolution\.elsewhere\/v1.* is used instead/,
      ),
    );
    folder.file('config.yaml', configuration('sqlit'));
    expect(await failedStart('', { configPaths, peers })).toEqual([
      expect.stringContaining('did you mean nameresolution.sqlite'),
    ]);
  });

  test('says aloud what the Configuration asks for and nothing enforces yet', async () => {
    folder.file(
      'config.yaml',
      'kind: Configuration\napiVersion: dapr.io/v1alpha1\nmetadata: {name: c}\nspec: {accessControl: {defaultAction: deny}}\n',
    );
    const logger = new LogLines();
    await using _ = await start('', { configPaths: [`${folder.path}/config.yaml`], logger });
    expect(logger.lines).toContain("warn the Configuration's accessControl is not supported yet and protects nothing");
  });
});
