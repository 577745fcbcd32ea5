import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { CommunicationProtocolEnum, DaprClient, LogLevel } from '@dapr/dapr';
import { requireBackend } from '@outrigger/conformance';
import { parseMetadata, silentLogger } from '@outrigger/core';
import { connectRedis, type RedisConnection, redisFields } from '@outrigger/redis-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { Sidecar } from '../../processes/sidecar.ts';
import { Workspace } from '../../processes/workspace.ts';

const howToStart = 'e2e/backends/up.sh redis, and set the variable to the address it prints';
const protocols = { HTTP: CommunicationProtocolEnum.HTTP, gRPC: CommunicationProtocolEnum.GRPC };

const component = (type: string, name: string, redisHost: string) => `
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: { name: ${name} }
spec:
  type: ${type}
  version: v1
  metadata: [{ name: redisHost, value: "${redisHost}" }]
`;

requireBackend('OUTRIGGER_TEST_REDIS', howToStart, (redisHost) => {
  describe('configuration and locks, with the official JS SDK', () => {
    const workspace = new Workspace();
    const stack = new AsyncDisposableStack();
    const run = randomUUID().slice(0, 8);
    const key = (name: string) => `${name}-${run}`;
    /** What the app was told, by path. */
    const told = new Map<string, unknown>();
    let redis: RedisConnection;
    let sidecar: Sidecar;
    let clients: Readonly<Record<keyof typeof protocols, DaprClient>>;

    beforeAll(async () => {
      const { signal } = new AbortController();
      redis = stack.use(
        await connectRedis(parseMetadata(redisFields, { redisHost }).values, { logger: silentLogger, signal }),
      );
      const app = createServer((request, response) => {
        void request.toArray().then((chunks: Buffer[]) => {
          if (request.method === 'POST') told.set(request.url ?? '', JSON.parse(Buffer.concat(chunks).toString()));
          response.writeHead(request.method === 'POST' ? 200 : 404).end();
        });
      });
      app.listen(0, '127.0.0.1');
      await once(app, 'listening');
      stack.defer(() => {
        app.closeAllConnections();
        app.close();
      });
      workspace.file(
        'components.yaml',
        [
          component('configuration.redis', 'configstore', redisHost),
          component('lock.redis', 'lockstore', redisHost),
        ].join('---'),
      );
      sidecar = stack.use(
        await Sidecar.start({
          appId: `watcher-${run}`,
          appPort: (app.address() as AddressInfo).port,
          resourcesPath: workspace.path,
          env: workspace.env,
        }),
      );
      const client = async (protocol: keyof typeof protocols) => {
        const made = new DaprClient({
          daprHost: '127.0.0.1',
          daprPort: String(protocol === 'HTTP' ? sidecar.httpPort : sidecar.grpcPort),
          communicationProtocol: protocols[protocol],
          logger: { level: LogLevel.Error },
        });
        await made.start();
        stack.defer(() => made.stop());
        return made;
      };
      clients = { HTTP: await client('HTTP'), gRPC: await client('gRPC') };
    });
    afterAll(async () => {
      await stack.disposeAsync();
      workspace[Symbol.dispose]();
    });

    const json = async (path: string) => {
      const response = await sidecar.fetch(path);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };

    it.each([
      ['HTTP', 'gRPC'],
      ['gRPC', 'HTTP'],
    ] as const)('a lock taken over %s is refused over %s', async (first, second) => {
      const id = key(`order-${first}`);
      const [holder, rival] = [clients[first].lock, clients[second].lock];
      expect(await holder.lock('lockstore', id, 'a', 60)).toEqual({ success: true });
      expect(await rival.lock('lockstore', id, 'b', 60)).toEqual({ success: false });
      expect(String(await redis.send('GET', [`lock||watcher-${run}||${id}`]))).toBe('a');
      const statuses = [
        await rival.unlock('lockstore', id, 'b'),
        await holder.unlock('lockstore', id, 'a'),
        await holder.unlock('lockstore', id, 'a'),
      ];
      // LockStatus: Success 0, LockDoesNotExist 1, LockBelongsToOthers 2
      expect(statuses.map(({ status }) => status)).toEqual([2, 0, 1]);
    });

    it('items are read over HTTP and gRPC', async () => {
      await redis.send('SET', [key('color'), 'red||2']);
      expect(await json(`/v1.0/configuration/configstore?key=${key('color')}&key=${key('missing')}`)).toEqual({
        status: 200,
        body: { [key('color')]: { value: 'red', version: '2', metadata: {} } },
      });
      const { items } = await clients.gRPC.configuration.get('configstore', [key('color'), key('missing')]);
      expect(items).toEqual({ [key('color')]: { key: key('color'), value: 'red', version: '2', metadata: {} } });
    });

    it('an HTTP app is told of changes until it unsubscribes', async () => {
      const subscribed = await json(`/v1.0/configuration/configstore/subscribe?key=${key('size')}`);
      const { id } = subscribed.body as { id: string };
      await redis.send('SET', [key('size'), 'big||1']);
      const path = `/configuration/configstore/${key('size')}`;
      const body = (value: string, version: string) => ({
        id,
        items: { [key('size')]: { value, version, metadata: {} } },
      });
      await vi.waitFor(() => expect(told.get(path)).toEqual(body('big', '1')));
      await redis.send('DEL', [key('size')]);
      await vi.waitFor(() => expect(told.get(path)).toEqual(body('', '')));
      expect(await json(`/v1.0/configuration/configstore/${id}/unsubscribe`)).toEqual({
        status: 200,
        body: { ok: true },
      });
      expect(await json(`/v1.0/configuration/configstore/${id}/unsubscribe`)).toMatchObject({
        status: 500,
        body: { ok: false },
      });
    });

    it('a gRPC client is told of changes until it stops', async () => {
      const seen: string[] = [];
      const subscription = await clients.gRPC.configuration.subscribeWithKeys(
        'configstore',
        [key('speed')],
        async ({ items }) => void seen.push(items[key('speed')]?.value ?? 'nothing'),
      );
      // the SDK does not tell when it has begun to listen
      await vi.waitFor(
        async () => {
          await redis.send('SET', [key('speed'), `fast||${Date.now()}`]);
          expect(seen).toContain('fast');
        },
        { interval: 100, timeout: 60_000 },
      );
      await redis.send('SET', [key('speed'), 'slow']);
      await vi.waitFor(() => expect(seen.at(-1)).toBe('slow'));
      subscription.stop();
    });

    it('both stores are shown', async () => {
      const { body } = await json('/v1.0/metadata');
      expect(body['components']).toEqual([
        { name: 'configstore', type: 'configuration.redis', version: 'v1' },
        { name: 'lockstore', type: 'lock.redis', version: 'v1' },
      ]);
    });

    it('ends in order while subscriptions are open', async () => {
      await json('/v1.0/configuration/configstore/subscribe');
      await clients.gRPC.configuration.subscribe('configstore', async () => {});
      const began = performance.now();
      expect(await sidecar.stop('SIGTERM')).toMatchObject({ code: 0 });
      // nobody is waited for until the five seconds of grace are over
      expect(performance.now() - began).toBeLessThan(4000);
    });
  });
});
