import { createServer } from 'node:http';
import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { Sidecar } from '../processes/sidecar.ts';
import { Workspace } from '../processes/workspace.ts';

const dying = fileURLToPath(new URL('dying', import.meta.url));
const patient = { timeout: 60_000, interval: 20 };

/** An app that keeps the events it gets, by the value they tell of. */
class App implements AsyncDisposable {
  readonly events = new Map<string, Set<string>>();
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'POST') {
        const { data, id } = JSON.parse(Buffer.concat(chunks).toString()) as { data: string; id: string };
        this.events.set(data, (this.events.get(data) ?? new Set()).add(id));
      }
      response.writeHead(request.method === 'POST' ? 200 : 404).end();
    });
  });

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as { port: number }).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe.concurrent('the outbox of a sidecar that is killed', () => {
  const app = new App();
  let port = 0;
  beforeAll(async () => {
    port = await app.listen();
  });
  afterAll(() => app[Symbol.asyncDispose]());

  /** Resources in a folder of its own, and a way to start a sidecar over them again and again. */
  function world() {
    const workspace = new Workspace();
    mkdirSync(`${workspace.path}/resources`);
    const component = (name: string, type: string, metadata: Record<string, string>) =>
      `kind: Component\napiVersion: dapr.io/v1alpha1\nmetadata: {name: ${name}}\nspec: {type: ${type}, version: v1, metadata: ${JSON.stringify(
        Object.entries(metadata).map(([key, value]) => ({ name: key, value })),
      )}}\n---\n`;
    workspace.file(
      'resources/all.yaml',
      component('store', 'state.dying', {
        connectionString: `${workspace.path}/state.db`,
        outboxPublishPubsub: 'broker',
        outboxPublishTopic: 'orders',
        outboxDiscardWhenMissingState: 'true',
      }) +
        component('broker', 'pubsub.dying', {
          connectionString: `${workspace.path}/broker.db`,
          redeliverInterval: '50ms',
          processingTimeout: '1s',
        }) +
        'kind: Subscription\napiVersion: dapr.io/v2alpha1\nmetadata: {name: s}\nspec: {pubsubname: broker, topic: orders, routes: {default: /orders}}\n',
    );
    const start = (DIE_AT = '') =>
      Sidecar.start({
        appId: 'shop',
        appPort: port,
        resourcesPath: `${workspace.path}/resources`,
        args: ['--component-package', dying],
        env: { DIE_AT },
      });
    return { workspace, start };
  }

  const transact = (sidecar: Sidecar, value: string) =>
    sidecar.post('/v1.0/state/store/transaction', {
      operations: [{ operation: 'upsert', request: { key: value, value } }],
    });

  const stored = async (sidecar: Sidecar, key: string) => (await sidecar.fetch(`/v1.0/state/store/${key}`)).text();

  it.each([
    ['when its event is handed over and nothing is written', 'handed-over', 0],
    ['when the transaction is done and nobody was told', 'committed', 1],
    ['when the event is published and its marker is still there', 'published', 1],
    ['when the marker is removed and the event not acknowledged', 'removed', 1],
  ])('has neither lost nor made up an event: %s', { timeout: 90_000 }, async (_, place, expected) => {
    const { workspace, start } = world();
    using _workspace = workspace;
    {
      await using sidecar = await start(place);
      await transact(sidecar, place).catch(() => undefined);
      expect((await sidecar.exited).signal).toBe('SIGKILL');
    }
    await using sidecar = await start();
    expect(await stored(sidecar, place)).toBe(expected === 0 ? '' : JSON.stringify(place));
    await transact(sidecar, `after ${place}`);
    await vi.waitFor(() => expect(app.events.get(`after ${place}`)?.size).toBe(1), patient);
    if (place === 'handed-over' || place === 'removed') await sidecar.line(/drops event outbox-/, 30_000);
    else await vi.waitFor(() => expect(app.events.get(place)?.size).toBe(1), patient);
    // one id at most, however often it came
    expect(app.events.get(place)?.size ?? 0).toBe(expected);
  });

  it('publishes every transaction that it answered, through kills at any moment', { timeout: 120_000 }, async () => {
    const { workspace, start } = world();
    using _workspace = workspace;
    const answered: string[] = [];
    const tried: string[] = [];
    for (let round = 0; round < 4; round++) {
      await using sidecar = await start();
      const works = Promise.withResolvers<void>();
      const killed = works.promise.then(() => delay(round * 13)).then(() => sidecar.stop('SIGKILL'));
      const before = answered.length;
      for (let number = 0; sidecar.running; number++) {
        if (answered.length > before + 5) works.resolve();
        const value = `${round}-${number}`;
        tried.push(value);
        const response = await transact(sidecar, value).catch(() => undefined);
        if (response?.ok) answered.push(value);
      }
      await killed;
    }
    await using sidecar = await start();
    expect(answered.length).toBeGreaterThan(20);
    const written: string[] = [];
    for (const value of tried) if ((await stored(sidecar, value)) !== '') written.push(value);
    expect(written).toEqual(expect.arrayContaining(answered));
    await vi.waitFor(() => expect(written.filter((value) => !app.events.has(value))).toEqual([]), patient);
    expect(tried.filter((value) => app.events.has(value) && !written.includes(value))).toEqual([]);
  });
});
