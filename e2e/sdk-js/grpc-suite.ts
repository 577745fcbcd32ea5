import { randomUUID } from 'node:crypto';

import {
  CommunicationProtocolEnum,
  DaprClient,
  DaprPubSubStatusEnum,
  DaprServer,
  LogLevel,
  StateConcurrencyEnum,
  StateConsistencyEnum,
} from '@dapr/dapr';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { freePorts } from '../processes/ports.ts';
import { Sidecar } from '../processes/sidecar.ts';
import { type Backend, configFile, resourcesOf, Workspace } from '../processes/workspace.ts';
import { Inbox } from './inbox.ts';

const communicationProtocol = CommunicationProtocolEnum.GRPC;
const logger = { level: LogLevel.Error };
const firstWrite = {
  concurrency: StateConcurrencyEnum.CONCURRENCY_FIRST_WRITE,
  consistency: StateConsistencyEnum.CONSISTENCY_STRONG,
};

/** As the suite over HTTP: the official JS SDK, unmodified, as a gRPC client and as an app that speaks gRPC. */
export function grpcSdkSuite(backend: Backend): void {
  describe(`the official JS SDK over gRPC, on ${backend}`, () => {
    const workspace = new Workspace();
    const stack = new AsyncDisposableStack();
    const inbox = new Inbox();
    // fresh topics and keys, so that a shared server's leftovers do not matter
    const run = randomUUID().slice(0, 8);
    const named = (name: string) => `${name}-${run}`;
    let orders: Sidecar;
    let client: DaprClient;

    beforeAll(async () => {
      const [serverPort = 0, grpcPort = 0] = await freePorts(2);
      const clientOptions = { daprHost: '127.0.0.1', daprPort: String(grpcPort), communicationProtocol, logger };
      const app = new DaprServer({
        serverHost: '127.0.0.1',
        serverPort: String(serverPort),
        communicationProtocol,
        logger,
        clientOptions,
      });
      await app.pubsub.subscribe('pubsub', named('plain'), async (data) => void inbox.add('plain', data));
      await app.pubsub.subscribe('pubsub', named('retry'), async (data) =>
        inbox.add('retry', data) < 3 ? DaprPubSubStatusEnum.RETRY : DaprPubSubStatusEnum.SUCCESS,
      );
      await app.pubsub.subscribeWithOptions('pubsub', named('dead'), {
        deadLetterTopic: named('dead-letters'),
        callback: async () => DaprPubSubStatusEnum.DROP,
      });
      await app.pubsub.subscribe('pubsub', named('dead-letters'), async (data) => void inbox.add('dead-letters', data));
      await app.pubsub.subscribeBulk('pubsub', named('bulk'), async (data) => void inbox.add('bulk', data), {
        maxMessagesCount: 5,
        maxAwaitDurationMs: 50,
      });

      const started = Sidecar.start({
        resourcesPath: resourcesOf(backend),
        config: configFile,
        env: workspace.env,
        appId: named('orders'),
        appPort: serverPort,
        grpcPort,
        args: ['--app-protocol', 'grpc'],
      });
      await app.start();
      stack.defer(() => app.stop());
      orders = stack.use(await started);
      client = new DaprClient(clientOptions);
      await client.start();
      stack.defer(() => client.stop());
    });

    afterAll(async () => {
      await stack.disposeAsync();
      workspace[Symbol.dispose]();
    });

    describe('state', () => {
      it('saves, reads and deletes', async () => {
        await client.state.save('statestore', [
          { key: named('text'), value: 'hello' },
          { key: named('number'), value: 42 },
          { key: named('object'), value: { nested: { list: [1, 'zwei', null] } } },
        ]);
        expect(await client.state.get('statestore', named('text'))).toBe('hello');
        expect(await client.state.get('statestore', named('number'))).toBe(42);
        expect(await client.state.get('statestore', named('object'))).toEqual({ nested: { list: [1, 'zwei', null] } });
        await client.state.delete('statestore', named('text'));
        expect(await client.state.get('statestore', named('text'))).toBe('');
      });

      it('reads several at once, the missing one without data', async () => {
        await client.state.save('statestore', [
          { key: named('bulk-a'), value: 'a' },
          { key: named('bulk-b'), value: { b: 1 } },
        ]);
        const items = await client.state.getBulk('statestore', [named('bulk-a'), named('bulk-b'), named('bulk-c')]);
        expect(items).toEqual(
          expect.arrayContaining([
            { key: named('bulk-a'), data: 'a', etag: expect.stringMatching(/./) },
            { key: named('bulk-b'), data: { b: 1 }, etag: expect.stringMatching(/./) },
            { key: named('bulk-c'), data: '', etag: '' },
          ]),
        );
      });

      it('lets only one writer win with an etag', async () => {
        const key = named('etag');
        await client.state.save('statestore', [{ key, value: 'first' }]);
        const [item] = await client.state.getBulk('statestore', [key]);
        const etag = String(item?.['etag']);
        const write = (value: string) => client.state.save('statestore', [{ key, value, etag, options: firstWrite }]);
        await write('second');
        await expect(write('third')).rejects.toThrow('possible etag mismatch');
        expect(await client.state.get('statestore', key)).toBe('second');
        await expect(client.state.delete('statestore', key, { etag })).rejects.toThrow('possible etag mismatch');
      });

      it('forgets values after their time to live', async () => {
        const key = named('ttl');
        await client.state.save('statestore', [{ key, value: 'short' }], { metadata: { ttlInSeconds: '1' } });
        expect(await client.state.get('statestore', key)).toBe('short');
        await vi.waitFor(async () => expect(await client.state.get('statestore', key)).toBe(''), { timeout: 60_000 });
      });

      it('applies a transaction whole or not at all', async () => {
        await client.state.save('statestore', [{ key: named('tx-old'), value: 1 }]);
        await client.state.transaction('statestore', [
          { operation: 'upsert', request: { key: named('tx-new'), value: 'in' } },
          { operation: 'delete', request: { key: named('tx-old') } },
        ]);
        expect(await client.state.get('statestore', named('tx-new'))).toBe('in');
        expect(await client.state.get('statestore', named('tx-old'))).toBe('');
        const half = client.state.transaction('statestore', [
          { operation: 'upsert', request: { key: named('tx-half'), value: '1' } },
          { operation: 'upsert', request: { key: named('tx-new'), value: '2', etag: { value: '4711' } } },
        ]);
        await expect(half).rejects.toThrow('error while executing state transaction');
        expect(await client.state.get('statestore', named('tx-half'))).toBe('');
      });

      it('answers an unknown store as Dapr does', async () => {
        await expect(client.state.get('nowhere', 'x')).rejects.toThrow('state store nowhere is not found');
      });
    });

    describe('pub/sub', () => {
      it('delivers JSON and text', async () => {
        await client.pubsub.publish('pubsub', named('plain'), { id: 1 });
        await client.pubsub.publish('pubsub', named('plain'), 'text');
        expect(await inbox.wait('plain', 2)).toEqual(expect.arrayContaining([{ id: 1 }, 'text']));
      });

      it('delivers again what the app wants to retry', async () => {
        await client.pubsub.publish('pubsub', named('retry'), { attempt: true });
        expect(await inbox.wait('retry', 3)).toEqual([{ attempt: true }, { attempt: true }, { attempt: true }]);
      });

      it('sends what the app drops to the dead letter topic', async () => {
        await client.pubsub.publish('pubsub', named('dead'), { poison: true });
        expect(await inbox.wait('dead-letters', 1)).toEqual([{ poison: true }]);
      });

      it('publishes and receives in bulk', async () => {
        const messages = [{ n: 1 }, { n: 2 }, { n: 3 }];
        const { failedMessages } = await client.pubsub.publishBulk('pubsub', named('bulk'), messages);
        expect(failedMessages).toEqual([]);
        expect(await inbox.wait('bulk', 3)).toEqual(expect.arrayContaining(messages));
      });

      it('reports an unknown broker', async () => {
        await expect(client.pubsub.publish('nowhere', 'x', 'y')).rejects.toMatchObject({
          error: expect.objectContaining({ message: expect.stringContaining('pubsub nowhere is not found') }),
        });
      });
    });

    it('hands out secrets', async () => {
      expect(await client.secret.get('secretstore', 'conftestsecret')).toEqual({ conftestsecret: 'abcd' });
      expect(await client.secret.getBulk('secretstore')).toMatchObject({
        'database:password': { 'database:password': 'efgh' },
      });
    });

    it('shows and takes metadata', async () => {
      const metadata = await client.metadata.get();
      expect(metadata.id).toBe(named('orders'));
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
