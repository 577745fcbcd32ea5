import { rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ComponentError, defineComponent, field } from '@outrigger/core';
import { expect, onTestFinished, test } from 'vitest';

import type { Folder } from '../../test/folder.ts';
import { world } from '../../test/reload-world.ts';
import { component } from '../../test/traced-runtimes.ts';
import type { Runtime } from '../runtime.ts';

const subscription = (name: string, topic: string, pubsubName = 'events') =>
  `apiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata: {name: ${name}}\nspec: {pubsubname: ${pubsubName}, topic: ${topic}, routes: {default: /${topic}}}\n---\n`;

/** Locks that only the password `open` starts, and a secret store whose secrets all have one value; both as often as asked. */
function lockedUp() {
  const attempts: string[] = [];
  const locks = defineComponent({
    kind: 'lock',
    type: 'lock.picky',
    version: 'v1',
    metadata: { password: field.text({ description: 'Opens it', required: true }) },
    create: async ({ metadata: { password } }) => {
      attempts.push(password);
      if (password !== 'open') throw new ComponentError('unavailable', 'the door is shut');
      return {
        tryLock: async () => true,
        unlock: async () => 'missing' as const,
        [Symbol.asyncDispose]: async () => {},
      };
    },
  });
  const vault = defineComponent({
    kind: 'secrets',
    type: 'secretstores.same',
    version: 'v1',
    metadata: { all: field.text({ description: 'Every secret', required: true }) },
    create: async ({ metadata: { all } }) => ({
      features: [],
      get: async ({ name }) => ({ [name]: all }),
      [Symbol.asyncDispose]: async () => {},
    }),
  });
  return { attempts, definitions: [locks, vault] };
}

const value = Buffer.from('1');
const database = (folder: Folder, name: string) =>
  component('store', 'state.sqlite', `[{name: connectionString, value: "${folder.path}/${name}.db"}]`);

test('a component is added, changed and removed, and the others keep what they have', async () => {
  const { folder, runtime } = await world({});
  await runtime.connectApp();
  await runtime.state('kept').save([{ key: 'k', value }]);

  folder.file('resources/store.yaml', database(folder, 'one'));
  await runtime.reloadResources();
  expect(runtime.components.map(({ name }) => name)).toEqual(['kept', 'store']);
  await runtime.state('store').save([{ key: 'k', value }]);

  folder.file('resources/store.yaml', database(folder, 'two'));
  await runtime.reloadResources();
  expect(await runtime.state('store').get('k')).toBeUndefined();

  folder.file('resources/store.yaml', `# moved by a line\n${database(folder, 'one')}`);
  await runtime.reloadResources();
  expect(Buffer.from((await runtime.state('store').get('k'))?.value ?? '').toString()).toBe('1');

  rmSync(`${folder.path}/resources/store.yaml`);
  await runtime.reloadResources();
  expect(runtime.components.map(({ name }) => name)).toEqual(['kept']);
  expect(() => runtime.state('store')).toThrow(/store/);
  expect(Buffer.from((await runtime.state('kept').get('k'))?.value ?? '').toString()).toBe('1');
});

test('calls under way when a store is swapped end well', async () => {
  const { folder, runtime } = await world({});
  folder.file('resources/store.yaml', database(folder, 'one'));
  await runtime.reloadResources();
  const writes: Promise<void>[] = [];
  for (const name of ['two', 'three', 'four']) {
    for (let key = 0; key < 50; key++) writes.push(runtime.state('store').save([{ key: `${name}${key}`, value }]));
    folder.file('resources/store.yaml', database(folder, name));
    await runtime.reloadResources();
  }
  await expect(Promise.all(writes)).resolves.toHaveLength(150);
});

test('a bad file keeps everything as it was and says where the mistake is', async () => {
  const { folder, runtime } = await world({});
  folder.file('resources/new.yaml', 'kind: Component\n  bad: [');
  await expect(runtime.reloadResources()).rejects.toThrow(/new\.yaml:\d/);
  expect(runtime.components.map(({ name }) => name)).toEqual(['kept']);
});

test('a component that cannot be made leaves the old one at work', async () => {
  const { folder, log, runtime } = await world({});
  folder.file('resources/store.yaml', database(folder, 'one'));
  await runtime.reloadResources();
  await runtime.state('store').save([{ key: 'k', value }]);
  folder.file('resources/store.yaml', database(folder, 'missing/folder/nowhere'));
  folder.file('resources/other.yaml', component('other', 'state.in-memory', '[]'));
  await runtime.reloadResources();
  expect(Buffer.from((await runtime.state('store').get('k'))?.value ?? '').toString()).toBe('1');
  expect(runtime.components.map(({ name }) => name).toSorted()).toEqual(['kept', 'other', 'store']);
  expect(log.lines.join('\n')).toMatch(/store\.yaml:\d+.*stays as it was/s);
});

test('a pub/sub component and a subscription come and go', async () => {
  const { folder, runtime } = await world({});
  await runtime.connectApp();
  folder.file('resources/events.yaml', component('events', 'pubsub.in-memory', '[]'));
  folder.file('resources/subscription.yaml', subscription('orders', 'orders'));
  await runtime.reloadResources();
  expect(runtime.subscriptions.map(({ topic }) => topic)).toEqual(['orders']);
  await runtime.pubsub.publish({ pubsubName: 'events', topic: 'orders', data: value });

  folder.file('resources/subscription.yaml', subscription('orders', 'news'));
  await runtime.reloadResources();
  expect(runtime.subscriptions.map(({ topic }) => topic)).toEqual(['news']);

  rmSync(`${folder.path}/resources/events.yaml`);
  rmSync(`${folder.path}/resources/subscription.yaml`);
  await runtime.reloadResources();
  expect(runtime.subscriptions).toEqual([]);
  await expect(runtime.pubsub.publish({ pubsubName: 'events', topic: 'orders', data: value })).rejects.toThrow(
    /events/,
  );
});

test('a component with ignoreErrors that failed is tried again when its resource has changed, and not before', async () => {
  const { attempts, definitions } = lockedUp();
  const locks = (password: string) =>
    component('locks', 'lock.picky', `[{name: password, value: ${password}}]`, '  ignoreErrors: true\n');
  const { folder, log, runtime } = await world({ 'locks.yaml': locks('wrong') }, definitions);
  const problems = () => log.lines.filter((line) => line.includes('the door is shut'));
  folder.file('resources/locks.yaml', `# moved by a line\n${locks('wrong')}`);
  await runtime.reloadResources();
  await runtime.reloadResources();
  expect(attempts).toEqual(['wrong']);
  expect(problems()).toHaveLength(1);

  folder.file('resources/locks.yaml', locks('wrong-too'));
  await runtime.reloadResources();
  await runtime.reloadResources();
  expect(attempts).toEqual(['wrong', 'wrong-too']);
  expect(problems()).toHaveLength(2);

  folder.file('resources/locks.yaml', locks('open'));
  await runtime.reloadResources();
  expect(runtime.components.map(({ name }) => name)).toContain('locks');

  // taken away and brought back it is new
  folder.file('resources/locks.yaml', '');
  await runtime.reloadResources();
  folder.file('resources/locks.yaml', locks('wrong-too'));
  await runtime.reloadResources();
  expect(attempts).toEqual(['wrong', 'wrong-too', 'open', 'wrong-too']);
});

test('a component with ignoreErrors that failed is tried again when its secret store has changed', async () => {
  const { attempts, definitions } = lockedUp();
  const locks = component(
    'locks',
    'lock.picky',
    '[{name: password, secretKeyRef: {name: door, key: door}}]',
    '  ignoreErrors: true\nauth:\n  secretStore: vault\n',
  );
  const vault = (all: string) => component('vault', 'secretstores.same', `[{name: all, value: ${all}}]`);
  const { folder, runtime } = await world({ 'locks.yaml': locks, 'vault.yaml': vault('wrong') }, definitions);
  await runtime.reloadResources();
  expect(attempts).toEqual(['wrong']);

  folder.file('resources/vault.yaml', vault('open'));
  await runtime.reloadResources();
  expect(attempts).toEqual(['wrong', 'open']);
  expect(runtime.components.map(({ name }) => name)).toContain('locks');
});

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const endpoint = (name: string, baseUrl: string, headers = '[]') =>
  `apiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata: {name: ${name}}\nspec: {baseUrl: "${baseUrl}", headers: ${headers}}\n`;

async function ask(runtime: Runtime, target: string): Promise<string> {
  const request = { target, verb: 'GET', path: '/x', query: '', headers: {}, body: undefined };
  const { status, body } = await runtime.invocation.invoke(request, new AbortController().signal);
  return `${status} ${body === undefined ? '' : await text(Readable.from(body instanceof Uint8Array ? [body] : body))}`;
}

test('HTTPEndpoints come, change and go; a call under way ends where it began', async () => {
  const held = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const slow = await listen((_, answer) => {
    arrived.resolve();
    void held.promise.then(() => answer.end('slow'));
  });
  const echo = await listen((request, answer) => answer.end(`color ${String(request.headers['color'])}`));
  const { folder, runtime } = await world({});
  folder.file('resources/shop.yaml', endpoint('shop', slow));
  await runtime.reloadResources();
  expect(runtime.httpEndpoints).toEqual(['shop']);
  const underWay = ask(runtime, 'shop');
  await arrived.promise;

  folder.file('resources/shop.yaml', endpoint('shop', echo, '[{name: color, value: red}]'));
  await runtime.reloadResources();
  expect(await ask(runtime, 'shop')).toBe('200 color red');
  folder.file('resources/shop.yaml', endpoint('shop', echo, '[{name: color, value: blue}]'));
  await runtime.reloadResources();
  expect(await ask(runtime, 'shop')).toBe('200 color blue');
  held.resolve();
  expect(await underWay).toBe('200 slow');

  rmSync(`${folder.path}/resources/shop.yaml`);
  await runtime.reloadResources();
  expect(runtime.httpEndpoints).toEqual([]);
  await expect(ask(runtime, 'shop')).rejects.toThrow(/shop/);
});

test('an HTTPEndpoint whose secret is not to be had leaves all as they were, and that is said once', async () => {
  const echo = await listen((request, answer) => answer.end(`color ${String(request.headers['color'])}`));
  const { folder, log, runtime } = await world({ 'shop.yaml': endpoint('shop', echo, '[{name: color, value: red}]') });
  const secret = '[{name: color, secretKeyRef: {name: paint, key: paint}}]';
  folder.file('resources/shop.yaml', `${endpoint('shop', echo, secret)}auth: {secretStore: nowhere}\n`);
  await runtime.reloadResources();
  await runtime.reloadResources();
  expect(await ask(runtime, 'shop')).toBe('200 color red');
  expect(log.lines.filter((line) => /HTTPEndpoint "shop".*stay as they were/s.test(line))).toHaveLength(1);
});

test('a retry of a call goes on where it began, also when its HTTPEndpoint and the policies have changed meanwhile', async () => {
  let attempts = 0;
  const first = Promise.withResolvers<void>();
  const flaky = await listen((_, answer) => {
    if (++attempts === 1) first.resolve();
    answer.writeHead(attempts === 1 ? 503 : 200).end(`attempt ${attempts}`);
  });
  const resiliency = (retries: number) =>
    `apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: r}\nspec:\n  policies: {retries: {again: {policy: constant, duration: 200ms, maxRetries: ${retries}}}}\n  targets: {apps: {shop: {retry: again}}}\n`;
  const { folder, runtime } = await world({ 'shop.yaml': endpoint('shop', flaky), 'r.yaml': resiliency(2) });
  const answer = ask(runtime, 'shop');
  await first.promise;
  folder.file('resources/shop.yaml', endpoint('shop', 'http://127.0.0.1:1'));
  folder.file('resources/r.yaml', resiliency(3));
  await runtime.reloadResources();
  expect(await answer).toBe('200 attempt 2');
});

test('a breaker that is open stays so when another HTTPEndpoint, or its own, changes', async () => {
  let asked = 0;
  const bad = await listen((_, answer) => {
    asked++;
    answer.writeHead(500).end();
  });
  const breaker =
    'apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: r}\nspec:\n  policies: {circuitBreakers: {quick: {maxRequests: 1, timeout: 60s, trip: consecutiveFailures >= 1}}}\n  targets: {apps: {bad: {circuitBreaker: quick}}}\n';
  const { folder, runtime } = await world({ 'bad.yaml': endpoint('bad', bad), 'r.yaml': breaker });
  expect(await ask(runtime, 'bad')).toBe('500 ');
  await expect(ask(runtime, 'bad')).rejects.toThrow(/circuit breaker/);
  folder.file('resources/other.yaml', endpoint('other', bad));
  await runtime.reloadResources();
  expect(await ask(runtime, 'other')).toBe('500 ');
  await expect(ask(runtime, 'bad')).rejects.toThrow(/circuit breaker/);
  folder.file('resources/bad.yaml', endpoint('bad', bad, '[{name: color, value: red}]'));
  await runtime.reloadResources();
  await expect(ask(runtime, 'bad')).rejects.toThrow(/circuit breaker/);
  expect(asked).toBe(2);
});
