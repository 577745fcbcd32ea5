import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import {
  CommunicationProtocolEnum,
  DaprClient,
  DaprPubSubStatusEnum,
  DaprServer,
  HttpMethod,
  LogLevel,
  StateConcurrencyEnum,
  StateConsistencyEnum,
} from '@dapr/dapr';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { freePorts } from '../processes/ports.ts';
import { Sidecar } from '../processes/sidecar.ts';
import { type Backend, configFile, resourcesOf, Workspace } from '../processes/workspace.ts';
import { Inbox } from './inbox.ts';

const http = CommunicationProtocolEnum.HTTP;
const logger = { level: LogLevel.Error };

/**
 * One app and one set of expectations for every backend: an app written with the official JS SDK over HTTP, against the
 * built sidecar as a process. Only the YAML folder differs.
 */
export function sdkSuite(backend: Backend): void {
  describe(`the official JS SDK over HTTP, on ${backend}`, () => {
    const workspace = new Workspace();
    const stack = new AsyncDisposableStack();
    const inbox = new Inbox();
    // fresh topics and keys, so that a shared server's leftovers do not matter
    const run = randomUUID().slice(0, 8);
    const topics = Object.fromEntries(
      ['plain', 'retry', 'drop', 'dead', 'dead-letters', 'raw', 'routed', 'bulk'].map((name) => [
        name,
        `${name}-${run}`,
      ]),
    ) as Record<'plain' | 'retry' | 'drop' | 'dead' | 'dead-letters' | 'raw' | 'routed' | 'bulk', string>;
    const key = (name: string) => `${name}-${run}`;
    let orders: Sidecar;
    let client: DaprClient;

    beforeAll(async () => {
      const [ordersPort = 0, inventoryPort = 0, ordersHttp = 0, inventoryHttp = 0] = await freePorts(4);
      const server = (serverPort: number, daprPort: number) =>
        new DaprServer({
          serverHost: '127.0.0.1',
          serverPort: String(serverPort),
          communicationProtocol: http,
          clientOptions: { daprHost: '127.0.0.1', daprPort: String(daprPort), communicationProtocol: http, logger },
          logger,
        });

      const app = server(ordersPort, ordersHttp);
      await app.pubsub.subscribe('pubsub', topics.plain, async (data) => void inbox.add('plain', data));
      await app.pubsub.subscribe('pubsub', 'outbox-events', async (data) => void inbox.add('outbox', data));
      await app.pubsub.subscribe('pubsub', topics.retry, async (data) =>
        inbox.add('retry', data) < 3 ? DaprPubSubStatusEnum.RETRY : DaprPubSubStatusEnum.SUCCESS,
      );
      await app.pubsub.subscribe('pubsub', topics.drop, async (data) => {
        inbox.add('drop', data);
        return DaprPubSubStatusEnum.DROP;
      });
      await app.pubsub.subscribeWithOptions('pubsub', topics.dead, {
        deadLetterTopic: topics['dead-letters'],
        callback: async (data: unknown) => {
          inbox.add('dead', data);
          return DaprPubSubStatusEnum.RETRY;
        },
      });
      await app.pubsub.subscribe(
        'pubsub',
        topics['dead-letters'],
        async (data) => void inbox.add('dead-letters', data),
      );
      await app.pubsub.subscribe('pubsub', topics.raw, async (data) => void inbox.add('raw', data), undefined, {
        rawPayload: true,
      });
      await app.pubsub.subscribeWithOptions('pubsub', topics.routed, {
        route: { rules: [{ match: 'event.type == "canoe"', path: 'canoes' }], default: 'others' },
      });
      app.pubsub.subscribeToRoute('pubsub', topics.routed, 'canoes', async (data) => void inbox.add('canoes', data));
      app.pubsub.subscribeToRoute('pubsub', topics.routed, 'others', async (data) => void inbox.add('others', data));
      await app.pubsub.subscribeBulk('pubsub', topics.bulk, async (data) => void inbox.add('bulk', data), {
        maxMessagesCount: 5,
        maxAwaitDurationMs: 50,
      });
      await app.invoker.listen('echo', async (data) => ({ got: data.body, query: data.query }), {
        method: HttpMethod.POST,
      });

      const inventory = server(inventoryPort, inventoryHttp);
      await inventory.invoker.listen('stock', async () => ({ canoe: 3 }), { method: HttpMethod.GET });
      await inventory.invoker.listen(
        'reserve',
        async (data) => ({ reserved: JSON.parse(data.body ?? '{}') as unknown }),
        { method: HttpMethod.POST },
      );

      const common = { resourcesPath: resourcesOf(backend), config: configFile, env: workspace.env };
      const started = Promise.all([
        Sidecar.start({ ...common, appId: `orders-${run}`, appPort: ordersPort, httpPort: ordersHttp }),
        Sidecar.start({ ...common, appId: `inventory-${run}`, appPort: inventoryPort, httpPort: inventoryHttp }),
      ]);
      await Promise.all([app.start(), inventory.start()]);
      stack.defer(async () => void (await Promise.all([app.stop(), inventory.stop()])));
      const sidecars = await started;
      for (const sidecar of sidecars) stack.use(sidecar);
      orders = sidecars[0];
      client = new DaprClient({
        daprHost: '127.0.0.1',
        daprPort: String(orders.httpPort),
        communicationProtocol: http,
        logger,
      });
      await client.start();
    });

    afterAll(async () => {
      await stack.disposeAsync();
      workspace[Symbol.dispose]();
    });

    describe('state', () => {
      it('saves, reads and deletes values of every JSON kind', async () => {
        await client.state.save('statestore', [
          { key: key('text'), value: 'hello' },
          { key: key('number'), value: 42 },
          { key: key('object'), value: { nested: { list: [1, 'zwei', null] } } },
        ]);
        expect(await client.state.get('statestore', key('text'))).toBe('hello');
        expect(await client.state.get('statestore', key('object'))).toEqual({ nested: { list: [1, 'zwei', null] } });
        await client.state.delete('statestore', key('text'));
        expect(await client.state.get('statestore', key('text'))).toBe('');
        expect(await client.state.get('statestore', key('number'))).toBe(42);
      });

      it('reads several at once, the missing one without data', async () => {
        await client.state.save('statestore', [
          { key: key('bulk-a'), value: 'a' },
          { key: key('bulk-b'), value: { b: 1 } },
        ]);
        const items = await client.state.getBulk('statestore', [key('bulk-a'), key('bulk-b'), key('bulk-c')]);
        expect(items).toEqual(
          expect.arrayContaining([
            expect.objectContaining({ key: key('bulk-a'), data: 'a', etag: expect.any(String) }),
            expect.objectContaining({ key: key('bulk-b'), data: { b: 1 } }),
            expect.objectContaining({ key: key('bulk-c') }),
          ]),
        );
      });

      it('lets only one writer win with an etag', async () => {
        await client.state.save('statestore', [{ key: key('etag'), value: 'first' }]);
        const etag = (await orders.fetch(`/v1.0/state/statestore/${key('etag')}`)).headers.get('etag') ?? '';
        expect(etag).not.toBe('');
        const write = (value: string) =>
          client.state.save('statestore', [
            {
              key: key('etag'),
              value,
              etag,
              options: {
                concurrency: StateConcurrencyEnum.CONCURRENCY_FIRST_WRITE,
                consistency: StateConsistencyEnum.CONSISTENCY_STRONG,
              },
            },
          ]);
        expect((await write('second')).error).toBeUndefined();
        expect(String((await write('third')).error)).toContain('409');
        expect(await client.state.get('statestore', key('etag'))).toBe('second');
        const { error } = await client.state.delete('statestore', key('etag'), { etag });
        expect(String(error)).toContain('409');
      });

      it('forgets values after their time to live', async () => {
        await client.state.save('statestore', [{ key: key('ttl'), value: 'short' }], {
          metadata: { ttlInSeconds: '1' },
        });
        const response = await orders.fetch(`/v1.0/state/statestore/${key('ttl')}`);
        expect(await response.text()).toBe('"short"');
        expect(Date.parse(response.headers.get('metadata.ttlExpireTime') ?? '')).toBeGreaterThan(Date.now() - 1000);
        await vi.waitFor(async () => expect(await client.state.get('statestore', key('ttl'))).toBe(''), {
          timeout: 60_000,
        });
      });

      it('publishes what a transaction with an outbox writes, or its projection, and only that', async () => {
        await client.state.save('outboxstore', [{ key: key('guarded'), value: 1 }]);
        const failed = await orders.post('/v1.0/state/outboxstore/transaction', {
          operations: [
            { operation: 'upsert', request: { key: key('no'), value: { run, no: true } } },
            { operation: 'upsert', request: { key: key('guarded'), value: 2, etag: '12345' } },
          ],
        });
        expect(failed.ok).toBe(false);
        await client.state.transaction('outboxstore', [
          { operation: 'upsert', request: { key: key('plain'), value: { run, plain: 1 } } },
          { operation: 'upsert', request: { key: key('shown'), value: { run, hidden: true } } },
          {
            operation: 'upsert',
            request: { key: key('shown'), value: { run, shown: 2 }, metadata: { 'outbox.projection': 'true' } },
          },
        ]);
        expect(await client.state.get('outboxstore', key('shown'))).toEqual({ run, hidden: true });
        // a shared server may hold events of earlier runs
        const own = () => inbox.of('outbox').filter((data) => (data as { run?: unknown }).run === run);
        await vi.waitFor(() => expect(own()).toHaveLength(2), { timeout: 60_000, interval: 20 });
        expect(own()).toEqual(
          expect.arrayContaining([
            { run, plain: 1 },
            { run, shown: 2 },
          ]),
        );
      });

      it('applies a transaction whole or not at all', async () => {
        await client.state.save('statestore', [{ key: key('tx-old'), value: 1 }]);
        await client.state.transaction('statestore', [
          { operation: 'upsert', request: { key: key('tx-new'), value: 'in' } },
          { operation: 'delete', request: { key: key('tx-old') } },
        ]);
        expect(await client.state.get('statestore', key('tx-new'))).toBe('in');
        expect(await client.state.get('statestore', key('tx-old'))).toBe('');

        const failed = await orders.post('/v1.0/state/statestore/transaction', {
          operations: [
            { operation: 'upsert', request: { key: key('tx-half'), value: 1 } },
            { operation: 'upsert', request: { key: key('tx-new'), value: 2, etag: '4711' } },
          ],
        });
        expect(failed.status).toBe(500);
        expect(await failed.json()).toMatchObject({ errorCode: 'ERR_STATE_TRANSACTION' });
        expect(await client.state.get('statestore', key('tx-half'))).toBe('');
      });

      it('answers an unknown store as Dapr does', async () => {
        const response = await orders.fetch('/v1.0/state/nowhere/x');
        expect(response.status).toBe(400);
        expect(await response.json()).toMatchObject({ errorCode: 'ERR_STATE_STORE_NOT_FOUND' });
      });
    });

    describe('pub/sub', () => {
      it('delivers JSON and text', async () => {
        await client.pubsub.publish('pubsub', topics.plain, { id: 1 });
        await client.pubsub.publish('pubsub', topics.plain, 'text');
        expect(await inbox.wait('plain', 2)).toEqual(expect.arrayContaining([{ id: 1 }, 'text']));
      });

      it('delivers again what the app wants to retry', async () => {
        await client.pubsub.publish('pubsub', topics.retry, { attempt: true });
        expect(await inbox.wait('retry', 3)).toEqual([{ attempt: true }, { attempt: true }, { attempt: true }]);
      });

      it('delivers once what the app drops', async () => {
        await client.pubsub.publish('pubsub', topics.drop, { unwanted: true });
        await inbox.wait('drop', 1);
        // longer than a redelivery would take
        await delay(600);
        expect(inbox.of('drop')).toHaveLength(1);
      });

      it('sends what fails to the dead letter topic', async () => {
        await client.pubsub.publish('pubsub', topics.dead, { poison: true });
        expect(await inbox.wait('dead-letters', 1)).toEqual([{ poison: true }]);
        expect(inbox.of('dead')).toHaveLength(1);
      });

      it('passes raw payloads', async () => {
        await client.pubsub.publish('pubsub', topics.raw, { raw: 1 }, { metadata: { rawPayload: 'true' } });
        expect(await inbox.wait('raw', 1)).toEqual([{ raw: 1 }]);
      });

      it('routes by rule', async () => {
        const event = (type: string) => ({
          specversion: '1.0',
          type,
          source: 'test',
          id: randomUUID(),
          datacontenttype: 'application/json',
          data: { type },
        });
        await client.pubsub.publish('pubsub', topics.routed, event('canoe'), {
          contentType: 'application/cloudevents+json',
        });
        await client.pubsub.publish('pubsub', topics.routed, event('raft'), {
          contentType: 'application/cloudevents+json',
        });
        expect(await inbox.wait('canoes', 1)).toEqual([{ type: 'canoe' }]);
        expect(await inbox.wait('others', 1)).toEqual([{ type: 'raft' }]);
      });

      it('publishes and receives in bulk', async () => {
        const { failedMessages } = await client.pubsub.publishBulk('pubsub', topics.bulk, [
          { n: 1 },
          { n: 2 },
          { n: 3 },
        ]);
        expect(failedMessages).toEqual([]);
        expect(await inbox.wait('bulk', 3)).toEqual(expect.arrayContaining([{ n: 1 }, { n: 2 }, { n: 3 }]));
      });

      it('reports an unknown broker', async () => {
        expect(String((await client.pubsub.publish('nowhere', 'x', 'y')).error)).toContain('ERR_PUBSUB_NOT_FOUND');
      });
    });

    it('hands out secrets', async () => {
      expect(await client.secret.get('secretstore', 'conftestsecret')).toEqual({ conftestsecret: 'abcd' });
      expect(await client.secret.getBulk('secretstore')).toMatchObject({
        'database:password': { 'database:password': 'efgh' },
      });
    });

    it('invokes its own app and another one', async () => {
      expect(await client.invoker.invoke(`inventory-${run}`, 'stock', HttpMethod.GET)).toEqual({ canoe: 3 });
      expect(await client.invoker.invoke(`inventory-${run}`, 'reserve', HttpMethod.POST, { item: 'canoe' })).toEqual({
        reserved: { item: 'canoe' },
      });
      expect(await client.invoker.invoke(`orders-${run}`, 'echo?x=1', HttpMethod.POST, { self: true })).toMatchObject({
        got: '{"self":true}',
      });
      await expect(client.invoker.invoke('nobody', 'stock', HttpMethod.GET)).rejects.toThrow('ERR_DIRECT_INVOKE');
    });

    it('shows and takes metadata', async () => {
      const metadata = await client.metadata.get();
      expect(metadata.id).toBe(`orders-${run}`);
      expect(metadata.components).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            name: 'statestore',
            capabilities: expect.arrayContaining(['ETAG', 'TRANSACTIONAL', 'TTL', 'ACTOR']),
          }),
          expect.objectContaining({ name: 'pubsub' }),
        ]),
      );
      expect(await client.metadata.set('color', 'red')).toBe(true);
      expect((await client.metadata.get()).extended).toMatchObject({ color: 'red' });
    });

    it('is healthy, and ends on request without an error', async () => {
      expect(await client.health.isHealthy()).toBe(true);
      await client.sidecar.shutdown();
      expect(await orders.exited).toEqual({ code: 0, signal: null });
    });
  });
}
