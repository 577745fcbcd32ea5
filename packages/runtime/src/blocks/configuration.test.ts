import {
  ComponentError,
  type ConfigurationItem,
  type ConfigurationItems,
  type ConfigurationStore,
  policy,
  retry,
  silentLogger,
  timeout,
} from '@outrigger/core';
import { describe, expect, test, vi } from 'vitest';

import type { AppRequest } from '../app-channel/app-channel.ts';
import { inProcessApp, type InvokeHandler } from '../app-channel/in-process.ts';
import { ConfigurationBlock, type ConfigurationBlockOptions } from './configuration.ts';

const item = (value: string, version = ''): ConfigurationItem => ({ value, version, metadata: {} });

/** A store over a Map. */
class MapConfiguration implements ConfigurationStore {
  readonly items = new Map([
    ['color', item('blue', '1')],
    ['size', item('10')],
  ]);
  readonly #watchers = new Set<(items: ConfigurationItems) => Promise<void>>();

  get watchers(): number {
    return this.#watchers.size;
  }

  async get({ keys = [] }: { keys?: readonly string[] }): Promise<ConfigurationItems> {
    return Object.fromEntries([...this.items].filter(([key]) => keys.length === 0 || keys.includes(key)));
  }

  async subscribe(
    { keys = [] }: { keys?: readonly string[] },
    onChange: (items: ConfigurationItems) => Promise<void>,
  ): Promise<AsyncDisposable> {
    const watcher = async (items: ConfigurationItems) => {
      const wanted = Object.entries(items).filter(([key]) => keys.length === 0 || keys.includes(key));
      if (wanted.length > 0) await onChange(Object.fromEntries(wanted));
    };
    this.#watchers.add(watcher);
    return { [Symbol.asyncDispose]: async () => void this.#watchers.delete(watcher) };
  }

  async set(items: ConfigurationItems): Promise<void> {
    for (const watcher of this.#watchers) await watcher(items);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function configuration(store: ConfigurationStore, options: Partial<ConfigurationBlockOptions> = {}) {
  const block = new ConfigurationBlock([{ name: 'config', store }], { logger: silentLogger, ...options });
  return { block, handle: block.store('config') };
}

/** An app with one handler for any path, and what it was told. */
function app(answer: InvokeHandler = () => {}) {
  const told: { path: string; body: unknown; headers: AppRequest['headers'] }[] = [];
  const channel = inProcessApp({});
  channel.invoke = async ({ path, body, headers, ...request }, signal) => {
    told.push({ path, body: JSON.parse(Buffer.from(body as Uint8Array).toString()), headers });
    return {
      status: 204,
      headers: {},
      body: undefined,
      ...(await answer({ path, body, headers, ...request }, signal)),
    };
  };
  return { channel, told };
}

test('items are read by key, or all of them', async () => {
  const { handle } = configuration(new MapConfiguration());
  expect(await handle.get(['color', 'none'])).toEqual({ color: item('blue', '1') });
  expect(Object.keys(await handle.get([]))).toEqual(['color', 'size']);
});

test('a store that is not there has Dapr’s errors', () => {
  expect(() => new ConfigurationBlock([], { logger: silentLogger }).store('config')).toThrow(
    expect.objectContaining({
      errorCode: 'ERR_CONFIGURATION_STORE_NOT_CONFIGURED',
      httpStatus: 500,
      grpcStatus: 'FAILED_PRECONDITION',
      message: 'configuration stores not configured',
    }) as Error,
  );
  expect(() => configuration(new MapConfiguration()).block.store('other')).toThrow(
    expect.objectContaining({
      errorCode: 'ERR_CONFIGURATION_STORE_NOT_FOUND',
      httpStatus: 400,
      grpcStatus: 'INVALID_ARGUMENT',
      message: 'configuration store other not found',
    }) as Error,
  );
});

test('failures of the backend are told with keys and store, under the outbound policy', async () => {
  const store = new MapConfiguration();
  const get = vi.fn(() => Promise.reject(new ComponentError('unavailable', 'the server is away')));
  store.get = get;
  store.subscribe = get;
  const { handle } = configuration(store, { outbound: () => policy([retry({ maxRetries: 1, duration: 1 })]) });
  await expect(handle.get(['a', 'b'])).rejects.toMatchObject({
    errorCode: 'ERR_CONFIGURATION_GET',
    httpStatus: 500,
    grpcStatus: 'INTERNAL',
    message: 'failed to get [a b] from Configuration store config: the server is away',
  });
  expect(get).toHaveBeenCalledTimes(2);
  await expect(handle.subscribe([], {}, () => {})).rejects.toMatchObject({
    errorCode: 'ERR_CONFIGURATION_SUBSCRIBE',
    httpStatus: 500,
    grpcStatus: 'INVALID_ARGUMENT',
    message: 'failed to subscribe [] from Configuration store config: the server is away',
  });
});

test('a store that cannot tell of changes says so', async () => {
  const { get, [Symbol.asyncDispose]: end } = new MapConfiguration();
  const { handle } = configuration({ get, [Symbol.asyncDispose]: end });
  await expect(handle.subscribe(['a'], {}, () => {})).rejects.toMatchObject({
    errorCode: 'ERR_CONFIGURATION_SUBSCRIBE',
    message: expect.stringContaining('cannot tell of changes'),
  });
});

describe('subscriptions', () => {
  test('each has its own id and its own keys, and ends alone', async () => {
    const store = new MapConfiguration();
    const { handle } = configuration(store);
    const seen: unknown[] = [];
    const one = await handle.subscribe(['color'], {}, (items, id) => void seen.push([id, items]));
    const all = await handle.subscribe([], {}, (items, id) => void seen.push([id, items]));
    await store.set({ color: item('red') });
    await store.set({ size: item('') });
    expect(seen).toEqual([
      [one.id, { color: item('red') }],
      [all.id, { color: item('red') }],
      [all.id, { size: item('') }],
    ]);

    await handle.unsubscribe(all.id);
    await all.ended;
    await store.set({ color: item('green'), size: item('9') });
    expect(seen.slice(3)).toEqual([[one.id, { color: item('green') }]]);
    await one[Symbol.asyncDispose]();
    await one.ended;
    expect(store.watchers).toBe(0);
  });

  test('an id that is not there, or not any more, has Dapr’s error', async () => {
    const { handle } = configuration(new MapConfiguration());
    const { id } = await handle.subscribe([], {}, () => {});
    await handle.unsubscribe(id);
    await expect(handle.unsubscribe(id)).rejects.toMatchObject({
      httpStatus: 500,
      message: `failed to unsubscribe to configuration request ${id}: subscription does not exist`,
    });
  });

  test('one that comes up after its time is ended again', async () => {
    const store = new MapConfiguration();
    const subscribe = store.subscribe.bind(store);
    const late = Promise.withResolvers<void>();
    store.subscribe = async (...args) => {
      await late.promise;
      return subscribe(...args);
    };
    const { handle } = configuration(store, { outbound: () => policy([timeout(5)]) });
    await expect(handle.subscribe([], {}, () => {})).rejects.toMatchObject({
      errorCode: 'ERR_CONFIGURATION_SUBSCRIBE',
    });
    late.resolve();
    await expect.poll(() => store.watchers).toBe(0);
  });

  test('one that comes up while all end is ended with them', async () => {
    const store = new MapConfiguration();
    const subscribe = store.subscribe.bind(store);
    const late = Promise.withResolvers<void>();
    store.subscribe = async (...args) => {
      await late.promise;
      return subscribe(...args);
    };
    const { block, handle } = configuration(store);
    const refused = expect(handle.subscribe([], {}, () => {})).rejects.toMatchObject({
      errorCode: 'ERR_CONFIGURATION_SUBSCRIBE',
    });
    await block.endSubscriptions(AbortSignal.timeout(1000));
    late.resolve();
    await refused;
    expect(store.watchers).toBe(0);
  });

  test('all end together', async () => {
    const store = new MapConfiguration();
    const { block, handle } = configuration(store, { app: app().channel });
    const own = await handle.subscribe([], {}, () => {});
    await handle.subscribeApp(['color']);
    await block.endSubscriptions(AbortSignal.timeout(1000));
    await own.ended;
    expect(store.watchers).toBe(0);
  });
});

describe('telling the app', () => {
  test('each item is a request of its own, with the subscription’s id', async () => {
    const store = new MapConfiguration();
    const { channel, told } = app();
    const { handle } = configuration(store, { app: channel });
    const id = await handle.subscribeApp(['color', 'shop:limits/daily max', '..']);
    const changed = { color: item('red', '2'), 'shop:limits/daily max': item('5'), '..': item('') };
    await store.set(changed);
    expect(told.map(({ path }) => path)).toEqual([
      '/configuration/config/color',
      '/configuration/config/shop:limits/daily%20max',
      '/configuration/config/%2E%2E',
    ]);
    expect(told.map(({ body }) => body)).toEqual(
      Object.entries(changed).map(([key, value]) => ({ id, items: { [key]: value } })),
    );
    expect(told[0]?.headers['content-type']).toBe('application/json');
    await handle.unsubscribe(id);
    expect(store.watchers).toBe(0);
  });

  test('what it does not take is tried again under the inbound policy, then logged, and the next item told', async () => {
    const store = new MapConfiguration();
    const errors: string[] = [];
    const { channel, told } = app(({ path }) => (path.endsWith('color') ? { status: 503 } : undefined));
    const { handle } = configuration(store, {
      app: channel,
      inbound: () => policy([retry({ maxRetries: 2, duration: 1 })]),
      logger: { ...silentLogger, error: (message: string) => void errors.push(message) },
    });
    await handle.subscribeApp([]);
    await store.set({ color: item('red'), size: item('9') });
    expect(told.map(({ path }) => path.split('/').at(-1))).toEqual(['color', 'color', 'color', 'size']);
    expect(errors).toEqual([
      'error sending configuration item color of store config to the app: the app answered with status 503; it is not sent again',
    ]);
  });

  test('without an app there is Dapr’s error', async () => {
    await expect(configuration(new MapConfiguration()).handle.subscribeApp([])).rejects.toMatchObject({
      errorCode: 'ERR_APP_CHANNEL_NIL',
      httpStatus: 500,
      message:
        'app channel is not initialized. cannot subscribe to configuration updates; start the sidecar of the app with --app-port',
    });
  });

  test('the app may end a subscription while it is being told', async () => {
    const store = new MapConfiguration();
    const { channel, told } = app(async () => {
      await handle.unsubscribe(id);
    });
    const { handle } = configuration(store, { app: channel });
    const id = await handle.subscribeApp([]);
    await store.set({ color: item('red') });
    await store.set({ color: item('green') });
    expect(told).toHaveLength(1);
  });

  test('what it is being told when all end is waited for, until the grace is over', async () => {
    const store = new MapConfiguration();
    const answered = Promise.withResolvers<void>();
    const signals: AbortSignal[] = [];
    const { channel } = app(async (_, signal) => {
      signals.push(signal);
      await answered.promise;
    });
    const { block, handle } = configuration(store, { app: channel });
    await handle.subscribeApp([]);
    const setting = store.set({ color: item('red') });
    await expect.poll(() => signals).toHaveLength(1);
    let isOver = false;
    const ending = block.endSubscriptions(AbortSignal.timeout(5000)).then(() => (isOver = true));
    await new Promise(setImmediate);
    expect(isOver).toBe(false);
    answered.resolve();
    await ending;
    await setting;
    expect(signals[0]?.aborted).toBe(false);
  });

  test('an app that does not answer within the grace is not waited for', async () => {
    const store = new MapConfiguration();
    const { channel } = app(
      (_, signal) =>
        new Promise((__, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    const { block, handle } = configuration(store, { app: channel });
    await handle.subscribeApp([]);
    const setting = store.set({ color: item('red') });
    await block.endSubscriptions(AbortSignal.timeout(5));
    await setting;
  });
});
