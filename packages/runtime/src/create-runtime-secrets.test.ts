import { ComponentError, defineComponent, field } from '@outrigger/core';
import { expect, test } from 'vitest';

import { LogLines } from '../test/folder.ts';
import { component, tracedRuntimes } from '../test/traced-runtimes.ts';
import { SecretTexts } from './secret-texts.ts';

const { folder, contexts, definitions, start, failedStart } = tracedRuntimes();

/** A component that shows its secrets wherever it can. */
const talkative = defineComponent({
  kind: 'state',
  type: 'state.talkative',
  version: 'v1',
  metadata: {
    url: field.text({ description: 'Where it is' }),
    password: field.text({ description: 'Secret', secret: true, aliases: ['pass'] }),
    user: field.text({ description: 'Who' }),
  },
  create: async ({ metadata: { url = '', password = '', user = '' }, logger }) => {
    const all = `${url} ${password} ${user}`;
    logger.warn(`connecting to ${all}`);
    if (user === 'nobody')
      throw new ComponentError('unavailable', `cannot log in to ${all}`, { cause: new Error(all) });
    return {
      features: [],
      get: () => Promise.reject(new ComponentError('unavailable', `no answer from ${all}`)),
      set: async () => {},
      delete: async () => {},
      [Symbol.asyncDispose]: () => Promise.reject(new Error(`cannot leave ${all}`)),
    };
  },
});

const metadata = `
    - {name: url, value: "db://me:url-password@host/db"}
    - {name: PASS, envRef: PASSWORD}
    - {name: user, secretKeyRef: {name: login, key: password}}`;
const resources = component('store', 'state.talkative', metadata, 'auth: {secretStore: vault}\n');
const vault = component('vault', 'secretstores.test');
const secrets = ['url-password', 'from the environment', 'hunter2'];

test('a log of the runtime shows no secret, wherever it came from', async () => {
  const logger = new LogLines();
  const runtime = await start(resources + vault, {
    components: [talkative, ...definitions],
    env: { PASSWORD: 'from the environment' },
    logger,
  });
  expect(await runtime.state('store').getBulk(['k'])).toEqual([
    { key: 'k', error: 'no answer from db://me:***@host/db *** ***' },
  ]);
  await runtime[Symbol.asyncDispose]();
  expect(logger.lines).toContain('warn connecting to db://me:***@host/db *** ***');
  for (const secret of secrets) expect(logger.lines.join('\n')).not.toContain(secret);
});

test('why a component did not start is told without its secrets, and whoever brings the texts hides them alone', async () => {
  const secretTexts = new SecretTexts();
  const yaml = component('store', 'state.talkative', '[{name: password, value: sesame}, {name: user, value: nobody}]');
  expect(await failedStart(yaml, { components: [talkative], secretTexts })).toEqual([
    'all.yaml:1: Component "store": (state.talkative/v1) did not start: cannot log in to  *** nobody',
  ]);
  expect(secretTexts.hide('open sesame')).toBe('open ***');
});

test('an environment variable that is not set is warned of, with the line that asks for it', async () => {
  const logger = new LogLines();
  const yaml = component(
    'store',
    'state.test',
    '\n    - {name: host, value: h}\n    - {name: password, envRef: NOT_SET}',
  );
  await using _ = await start(yaml, { logger, env: { SET: '' } });
  expect(logger.lines.filter((line) => line.startsWith('warn'))).toEqual([
    `warn ${folder.path}/resources/all.yaml:10: Component "store": password: the environment variable NOT_SET (envRef) is not set; its value is taken as empty`,
  ]);
  expect(contexts[0]?.properties['password']).toBe('');
});

test('of several stores for actors the first is taken, and the others are warned of', async () => {
  const logger = new LogLines();
  const actors = (name: string, value: string) =>
    component(name, 'state.test', `\n    - {name: host, value: h}\n    - {name: actorStateStore, value: ${value}}`);
  await using runtime = await start(actors('a', '"false"') + actors('b', '"true"') + actors('c', 'true'), { logger });
  expect(runtime.components.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  expect(logger.lines.filter((line) => line.startsWith('warn'))).toEqual([
    `warn ${folder.path}/resources/all.yaml:32: Component "c": actorStateStore is ignored, as "b" has it, too; actors keep their state there`,
  ]);
});
