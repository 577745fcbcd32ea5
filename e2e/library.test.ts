import { fileURLToPath } from 'node:url';

import { createRuntime, inProcessApp } from '@outrigger/runtime';
import { expect, it } from 'vitest';

import { resourcesOf, Workspace } from './processes/workspace.ts';

it('the engine runs inside an app, with the same YAML and no sidecar', async () => {
  using workspace = new Workspace();
  const received = Promise.withResolvers<unknown>();
  await using runtime = await createRuntime({
    appId: 'library',
    resourcesPaths: [resourcesOf('sqlite')],
    searchFrom: fileURLToPath(new URL('.', import.meta.url)),
    env: workspace.env,
    app: inProcessApp({
      subscribe: [{ pubsubName: 'pubsub', topic: 'orders', handler: async (event) => received.resolve(event.data) }],
      invoke: { greet: async (request) => ({ status: 200, body: Buffer.from(`hello ${request.query}`) }) },
    }),
  });
  await runtime.connectApp();

  const store = runtime.state('statestore');
  await store.save([{ key: 'k', value: Buffer.from('"v"') }]);
  expect(Buffer.from((await store.get('k'))?.value ?? []).toString()).toBe('"v"');
  expect(await runtime.secrets('secretstore').get('conftestsecret')).toEqual({ conftestsecret: 'abcd' });

  await runtime.pubsub.publish({
    pubsubName: 'pubsub',
    topic: 'orders',
    data: Buffer.from('{"id":1}'),
    contentType: 'application/json',
  });
  expect(await received.promise).toEqual({ id: 1 });
});
