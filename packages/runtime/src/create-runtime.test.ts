import { defineComponent, silentLogger } from '@outrigger/core';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';

import { definitionSource, LogLines } from '../test/folder.ts';
import { component, good, tracedRuntimes } from '../test/traced-runtimes.ts';

const { folder, events, contexts, start, failedStart } = tracedRuntimes();

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

  test('that are misspelt are told at their line, required ones as errors, the others all the same as warnings', async () => {
    const logger = new LogLines();
    const misspelt = '\n    - {name: hsot, value: h}\n    - {name: tiemout, value: 1s}';
    expect(await failedStart(component('a', 'state.test', misspelt), { logger })).toEqual([
      'all.yaml:9: Component "a": metadata field hsot is unknown; did you mean host, which is required (Where it is)?',
    ]);
    expect(logger.lines.filter((line) => line.startsWith('warn'))).toEqual([
      `warn ${folder.path}/resources/all.yaml:10: Component "a": metadata field tiemout is unknown to state.test/v1 and is ignored; did you mean timeout?`,
    ]);

    logger.lines.length = 0;
    const both = component('x', 'state.tset', '[]') + component('a', 'state.test', misspelt);
    expect(await failedStart(both, { logger })).toEqual([
      'all.yaml:1: Component "x": no installed package provides state.tset/v1; did you mean state.test?',
      expect.stringMatching(new RegExp(String.raw`^all\.yaml:\d+: Component "a": metadata field hsot is unknown`)),
    ]);
    expect(logger.lines.filter((line) => line.startsWith('warn'))).toHaveLength(1);
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

  test('gives each component a log whose lines name it', async () => {
    const lines: unknown[] = [];
    const logger = { ...silentLogger, isEnabled: () => true, warn: (...line: unknown[]) => void lines.push(line) };
    await using _ = await start(component('outer', 'secretstores.test'), { logger });
    contexts.at(-1)?.logger.warn('lost', { attempt: 2 });
    expect(lines).toEqual([['lost', { component: 'outer (secretstores.test/v1)', attempt: 2 }]]);
  });

  test('two secret stores that need each other are an error', async () => {
    const inCircle = (name: string, other: string) =>
      component(
        name,
        'secretstores.test',
        '[{name: key, secretKeyRef: {name: vault}}]',
        `auth: {secretStore: ${other}}\n`,
      );
    const lines = await failedStart(inCircle('a', 'b') + inCircle('b', 'a') + inCircle('c', 'c') + inCircle('d', 'a'));
    const circle = (way: string) =>
      `auth.secretStore: secret stores hold the secrets of each other (${way}); one of them has to do without secretKeyRef`;
    expect(lines).toEqual([
      expect.stringContaining(`Component "a": ${circle('a → b → a')}`),
      expect.stringContaining(`Component "b": ${circle('b → a → b')}`),
      expect.stringContaining(`Component "c": ${circle('c → c')}`),
    ]);
  });

  test('a secret store that did not start, and may, is told from one that is not there', async () => {
    const logger = new LogLines();
    const lines = await failedStart(
      component(
        'inner',
        'secretstores.test',
        '[{name: key, secretKeyRef: {name: vault}}]',
        '  ignoreErrors: true\nauth: {secretStore: inner}\n',
      ) +
        component('store', 'state.test', '[{name: host, secretKeyRef: {name: host}}]', 'auth: {secretStore: inner}\n'),
      { logger },
    );
    expect(logger.lines).toContainEqual(expect.stringMatching(/Component "inner": .*ignored, as ignoreErrors says/));
    expect(lines).toEqual([
      expect.stringContaining(
        'Component "store": host: secret "host" is in the store "inner" (auth.secretStore), which did not start',
      ),
    ]);
  });

  test('that fails for some names all of them, and takes the others down again', async () => {
    const lines = await failedStart(
      component('good', 'state.test', good) +
        component('bad', 'state.test', '[{name: host, value: down}]') +
        component('worse', 'state.test', '[{name: host, value: silent}]', '  initTimeout: 20ms\n'),
    );
    expect(lines).toEqual([
      'all.yaml:10: Component "bad": (state.test/v1) did not start: cannot reach down:1; is it running?',
      'all.yaml:19: Component "worse": (state.test/v1) did not start: it was not up within 20 ms: check that what it connects to answers, or give it more time with spec.initTimeout',
    ]);
    expect(events).toEqual(['start good', 'end good']);
  });

  test('that takes too long says what the component knows of it', async () => {
    expect(
      await failedStart(component('slow', 'state.test', '[{name: host, value: lazy}]', '  initTimeout: 20ms\n')),
    ).toEqual([
      'all.yaml:1: Component "slow": (state.test/v1) did not start: it was not up within 20 ms: lazy:1 has not answered; check host, or give it more time with spec.initTimeout',
    ]);
  });

  test('does not count the time in which the code of a component is loaded', async () => {
    const read: string[] = [];
    const heavy = defineComponent({
      kind: 'bindings',
      type: 'bindings.heavy',
      version: 'v1',
      metadata: {},
      load: async () => {
        await delay(100);
        read.push('code');
      },
      create: async () => {
        read.push('connected');
        return { operations: [], [Symbol.asyncDispose]: async () => {} };
      },
    });
    await using _ = await start(component('heavy', 'bindings.heavy', '[]', '  initTimeout: 50ms\n'), {
      components: [heavy],
    });
    expect(read).toEqual(['code', 'connected']);
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
        component('late', 'state.test', '[{name: host, value: h}, {name: timeout, value: x}]') +
        'kind: Resiliency\napiVersion: dapr.io/v1alpha1\nmetadata: {name: r}\nspec: {policies: {timeouts: {t: x}}}\n',
      { configPaths: [`${folder.path}/config.yaml`] },
    );
    expect(lines).toEqual([
      `${folder.path}/config.yaml:4: Configuration "c": spec.features must be a list of objects`,
      'all.yaml:10: Component "x": no installed package provides state.tset/v1; did you mean state.test?',
      'all.yaml:26: Component "late": metadata field timeout: expected a duration such as "500ms", "5s" or "1m30s"',
      'all.yaml:31: Resiliency "r": spec.policies.timeouts.t must be a duration such as "500ms", "5s" or "1m30s"',
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

describe('an outbox', () => {
  const store = (name: string, fields: string) => component(name, 'state.test', `[{name: host, value: h}, ${fields}]`);
  const both = (pubsub: string) =>
    `{name: outboxPublishPubsub, value: ${pubsub}}, {name: outboxPublishTopic, value: t}`;

  test('that cannot work ends the start, with what is missing', async () => {
    const yaml =
      store('a', '{name: outboxPublishPubsub, value: broker}') +
      store('b', both('nowhere')) +
      store('c', `${both('broker')}, {name: outboxPubsub, value: other}`) +
      component('broker', 'pubsub.test');
    expect(await failedStart(yaml)).toEqual([
      'all.yaml:1: Component "a": outboxPublishTopic is missing: an outbox needs outboxPublishPubsub and outboxPublishTopic, the pub/sub component and the topic that its events go to',
      'all.yaml:10: Component "b": outboxPublishPubsub: no pub/sub component "nowhere" is there for this app (there is: broker); add it, or name another',
      'all.yaml:19: Component "c": outboxPubsub: no pub/sub component "other" is there for this app (there is: broker); add it, or name another',
    ]);
  });

  test('needs a store with transactions', async () => {
    expect(await failedStart(store('a', both('broker')) + component('broker', 'pubsub.test'))).toEqual([
      'all.yaml:1: Component "a": outboxPublishPubsub: an outbox needs a state store that can do transactions, which state.test cannot; take another type, or remove the outbox fields',
    ]);
  });
});
