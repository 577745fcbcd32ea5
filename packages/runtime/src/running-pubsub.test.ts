import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import inMemory from '@outrigger/pubsub-in-memory';
import sqlite from '@outrigger/pubsub-sqlite';
import inMemoryState from '@outrigger/state-in-memory';
import { describe, expect, onTestFinished, test } from 'vitest';

import { Folder, LogLines } from '../test/folder.ts';
import { component } from '../test/traced-runtimes.ts';
import { HttpAppChannel } from './app-channel/http.ts';
import { type InProcessApp, inProcessApp, type TopicHandler } from './app-channel/in-process.ts';
import { createRuntime } from './create-runtime.ts';
import type { Runtime, RuntimeOptions } from './runtime.ts';

interface World {
  readonly folder: Folder;
  readonly log: LogLines;
  start(app?: InProcessApp, options?: Partial<RuntimeOptions>): Promise<Runtime>;
}

/** A SQLite broker on a file, so that what is given back can be seen to come again. */
function world(more = ''): World {
  const folder = new Folder();
  onTestFinished(() => folder[Symbol.dispose]());
  const log = new LogLines();
  folder.file(
    'resources/all.yaml',
    component(
      'broker',
      'pubsub.sqlite',
      `[{name: connectionString, value: "${folder.path}/broker.db"}, {name: redeliverInterval, value: 20ms}]`,
    ) + more,
  );
  return {
    folder,
    log,
    start: async (app, options = {}) => {
      const runtime = await createRuntime({
        appId: 'app',
        namespace: '',
        resourcesPaths: [`${folder.path}/resources`],
        components: [sqlite, inMemory, inMemoryState],
        searchFrom: folder.path,
        env: {},
        logger: log,
        ...(app && { app: inProcessApp(app) }),
        ...options,
      });
      await runtime.connectApp();
      return runtime;
    },
  };
}

const subscribed = (handler: TopicHandler, more = {}): InProcessApp => ({
  subscribe: [{ pubsubName: 'broker', topic: 'orders', deadLetterTopic: 'dead', handler, ...more }],
});

async function publish(runtime: Runtime, ...numbers: readonly number[]): Promise<void> {
  for (const number of numbers) {
    const data = Buffer.from(String(number));
    await runtime.pubsub.publish({ pubsubName: 'broker', topic: 'orders', data, contentType: 'application/json' });
  }
}

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('a pub/sub component that is reloaded', () => {
  test('loses nothing of what is published before, meanwhile and after, and goes on with streams', async () => {
    const seen = new Set<unknown>();
    const streamed = new Set<unknown>();
    const { start } = world();
    await using runtime = await start(
      subscribed(async ({ data }) => {
        await delay(2);
        seen.add(data);
      }),
    );
    await using stream = await runtime.subscribe(
      { pubsubName: 'broker', topic: 'news', metadata: {} },
      async ({ cloudEvent }) => {
        streamed.add(cloudEvent['data']);
        return 'SUCCESS';
      },
    );
    let ended = false;
    void stream.ended.then(() => (ended = true));
    const numbers = range(60);
    const publishing = (async () => {
      for (const number of numbers) {
        await publish(runtime, number);
        await delay(1);
      }
    })();
    for (let time = 0; time < 3; time++) {
      await delay(10);
      await runtime.reloadPubSub('broker');
    }
    await publishing;
    await expect.poll(() => seen.size).toBe(numbers.length);
    const data = Buffer.from('7');
    await runtime.pubsub.publish({ pubsubName: 'broker', topic: 'news', data, contentType: 'application/json' });
    await expect.poll(() => streamed).toEqual(new Set([7]));
    expect(ended).toBe(false);
    expect(runtime.subscriptions).toHaveLength(2);
  });

  test('stays as it is when the new one cannot be made', async () => {
    const seen: unknown[] = [];
    const { folder, start } = world();
    await using runtime = await start(subscribed(({ data }) => void seen.push(data)));
    const place = { file: 'new.yaml', line: 1 };
    const resource = {
      ...place,
      name: 'broker',
      type: 'pubsub.sqlite',
      version: 'v1',
      namespace: '',
      initTimeout: 1000,
      ignoreErrors: false,
      secretStore: '',
      metadata: [{ ...place, name: 'connectionString', value: `${folder.path}/no/such/folder/x.db` }],
    };
    await expect(runtime.reloadPubSub('broker', { resource })).rejects.toThrow(/new.yaml:\d: Component "broker"/);
    await expect(runtime.reloadPubSub('other')).rejects.toThrow('there is no pub/sub component "other"');
    await publish(runtime, 1);
    await expect.poll(() => seen).toEqual([1]);
  });

  test('gives back what an app that hangs does not finish, and delivers it over the new one', async () => {
    const attempts: unknown[] = [];
    const { start } = world();
    await using runtime = await start(
      subscribed(({ data }) => {
        attempts.push(data);
        return attempts.length === 1 ? new Promise(() => {}) : undefined;
      }),
    );
    await publish(runtime, 1);
    await expect.poll(() => attempts).toEqual([1]);
    await runtime.reloadPubSub('broker', { grace: AbortSignal.timeout(20) });
    await expect.poll(() => attempts).toEqual([1, 1]);
  });

  test('keeps the outbox on it at work', async () => {
    const seen: unknown[] = [];
    const { start } = world(
      component(
        'store',
        'state.in-memory',
        '[{name: outboxPublishPubsub, value: broker}, {name: outboxPublishTopic, value: orders}]',
      ),
    );
    await using runtime = await start(subscribed(({ data }) => void seen.push(data)));
    const save = (value: string) =>
      runtime.state('store').transact([{ operation: 'upsert', request: { key: value, value: Buffer.from(value) } }]);
    await save('one');
    await Promise.all([runtime.reloadPubSub('broker'), save('two')]);
    await save('three');
    await expect.poll(() => new Set(seen)).toEqual(new Set(['one', 'two', 'three']));
  });
});

describe('delivery that ends', () => {
  test('for good leaves the rest of the runtime at work, and gives back what is not finished when time is up', async () => {
    const { start } = world();
    const attempts: unknown[] = [];
    const hanging = subscribed(({ data }) => {
      attempts.push(data);
      return new Promise(() => {});
    });
    {
      await using runtime = await start(hanging);
      await publish(runtime, 1);
      await expect.poll(() => attempts).toEqual([1]);
      const ended = runtime.endDelivery(new AbortController().signal);
      await publish(runtime, 2);
      await delay(50);
      expect(attempts).toEqual([1]);
      await runtime.drain(AbortSignal.timeout(10));
      await ended;
    }
    const seen: unknown[] = [];
    const dead: unknown[] = [];
    await using _ = await start({
      subscribe: [
        { pubsubName: 'broker', topic: 'orders', handler: ({ data }) => void seen.push(data) },
        { pubsubName: 'broker', topic: 'dead', handler: ({ data }) => void dead.push(data) },
      ],
    });
    await expect.poll(() => new Set(seen)).toEqual(new Set([1, 2]));
    expect(dead).toEqual([]);
  });

  test('does not begin anew when the app is found healthy afterwards', async () => {
    const { start } = world();
    const seen: unknown[] = [];
    let healthy = true;
    await using runtime = await start(
      { ...subscribed(({ data }) => void seen.push(data)), healthy: () => healthy },
      { appHealth: { intervalMs: 5, timeoutMs: 1000, threshold: 1 } },
    );
    await runtime.endDelivery(new AbortController().signal);
    healthy = false;
    await runtime.appUnhealthy(AbortSignal.timeout(1000));
    healthy = true;
    await publish(runtime, 1);
    await delay(60);
    expect(seen).toEqual([]);
  });

  test('because the app is unhealthy dead-letters nothing, and goes on when it is healthy', async () => {
    const { start } = world();
    let healthy = true;
    const seen: unknown[] = [];
    const dead: unknown[] = [];
    await using runtime = await start(
      {
        healthy: () => healthy,
        subscribe: [
          {
            pubsubName: 'broker',
            topic: 'orders',
            deadLetterTopic: 'dead',
            handler: ({ data }) => (healthy ? void seen.push(data) : new Promise(() => {})),
          },
          { pubsubName: 'broker', topic: 'dead', handler: ({ data }) => void dead.push(data) },
        ],
      },
      { appHealth: { intervalMs: 5, timeoutMs: 1000, threshold: 1 } },
    );
    healthy = false;
    await publish(runtime, 1, 2, 3);
    await runtime.appUnhealthy(AbortSignal.timeout(1000));
    await delay(30);
    healthy = true;
    await expect.poll(() => new Set(seen)).toEqual(new Set([1, 2, 3]));
    expect(dead).toEqual([]);
  });
});

/** An app over HTTP on a port of its own, which may go away and come back. */
async function httpApp(port: number, handle: (path: string, body: string) => number): Promise<Server> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const status = handle(request.url ?? '', Buffer.concat(chunks).toString());
      if (status > 0) response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => server.closeAllConnections());
  onTestFinished(() => void server.close());
  return server;
}

const declared = (topic: string, more = '') =>
  `kind: Subscription\napiVersion: dapr.io/v2alpha1\nmetadata: {name: ${topic}}\n` +
  `spec: {pubsubname: broker, topic: ${topic}, routes: {default: /${topic}}${more}}\n---\n`;

describe('an app over HTTP', () => {
  test('that has gone away gets what waits for it when it is back, and nothing is dead-lettered meanwhile', async () => {
    const seen = new Set<unknown>();
    const dead: string[] = [];
    const handle = (path: string, body: string): number => {
      if (path === '/dead') dead.push(body);
      else if (path === '/orders') seen.add((JSON.parse(body) as { data: unknown }).data);
      else return 404;
      return 200;
    };
    const first = await httpApp(0, handle);
    const { port } = first.address() as AddressInfo;
    const { start, log } = world(declared('orders', ', deadLetterTopic: dead') + declared('dead'));
    await using channel = new HttpAppChannel({ appId: 'app', port, logger: log });
    await using runtime = await start(undefined, { app: channel });
    first.closeAllConnections();
    await new Promise((resolve) => first.close(resolve));
    await publish(runtime, ...range(30));
    await delay(100);
    await httpApp(port, handle);
    await expect.poll(() => seen.size).toBe(30);
    expect(dead).toEqual([]);
  });

  test.each([
    ['one by one', '', '/orders'],
    ['in batches', ', bulkSubscribe: {enabled: true, maxMessagesCount: 10, maxAwaitDurationMs: 10}', '/orders'],
  ])('that hangs is given no more than --app-max-concurrency says, %s', async (_, more, path) => {
    let calls = 0;
    let bytes = 0;
    const server = await httpApp(0, (url, body) => {
      if (url !== path) return 404;
      calls++;
      bytes += body.length;
      return 0;
    });
    const { port } = server.address() as AddressInfo;
    const { start, log } = world(declared('orders', more));
    await using channel = new HttpAppChannel({ appId: 'app', port, logger: log, maxConcurrency: 2 });
    const runtime = await start(undefined, { app: channel });
    onTestFinished(() => runtime[Symbol.asyncDispose]());
    const piece = 'x'.repeat(50_000);
    for (let number = 0; number < 100; number++) {
      const data = Buffer.from(JSON.stringify({ number, piece }));
      await runtime.pubsub.publish({ pubsubName: 'broker', topic: 'orders', data, contentType: 'application/json' });
    }
    await delay(100);
    expect(calls).toBeLessThanOrEqual(2);
    expect(bytes).toBeLessThan(1_100_000);
    await runtime.drain(AbortSignal.timeout(10));
  });
});

test('what a handler throws is in the log of the runtime', async () => {
  const { log, start } = world();
  let calls = 0;
  await using runtime = await start({
    subscribe: [
      {
        pubsubName: 'broker',
        topic: 'orders',
        handler: () => {
          if (++calls === 1) throw new Error('no stock');
        },
      },
    ],
  });
  await publish(runtime, 1);
  await expect.poll(() => calls).toBe(2);
  expect(log.lines.join('\n')).toMatch(
    /event \S+ of topic orders on pubsub broker failed and will come again: the handler threw: no stock/,
  );
});
