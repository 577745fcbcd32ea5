import { DaprDefinition, PubsubSubscriptionType } from '@outrigger/protocol/runtime';
import { expect, test } from 'vitest';

import { serveGrpc } from '@outrigger/grpc/testing';
import { memoryRuntime } from '../../../test/memory-runtime.ts';
import { metadataMethods } from './grpc.ts';

const { fullName, methods } = DaprDefinition;

test('the message says what runs, and keeps attributes', async () => {
  const runtime = await memoryRuntime();
  await runtime.subscribe({ pubsubName: 'pubsub', topic: 't', metadata: { a: 'b' } }, async () => 'SUCCESS');
  const health = {
    healthCheckPath: '/healthz',
    healthProbeInterval: '5s',
    healthProbeTimeout: '500ms',
    healthThreshold: 3,
  };
  const app = { port: 3000, protocol: 'http', channelAddress: '127.0.0.1', maxConcurrency: -1, health };
  const source = { runtime, runtimeVersion: '1.18.3', app, extended: new Map([['appPID', '1']]) };
  const { call } = await serveGrpc({ services: [{ name: fullName, methods: metadataMethods(source) }] });

  expect(await call(fullName, methods.setMetadata, { key: 'my key', value: 'my value' })).toEqual({});
  expect(await call(fullName, methods.setMetadata, { key: '', value: 'nobody asks for it' })).toEqual({});
  const answer = await call(fullName, methods.getMetadata, {});
  expect(answer).toMatchObject({
    id: 'shop',
    runtimeVersion: '1.18.3',
    extendedMetadata: { appPID: '1', 'my key': 'my value' },
    subscriptions: [
      {
        pubsubName: 'pubsub',
        topic: 't',
        metadata: { a: 'b' },
        rules: { rules: [{ match: '', path: '/' }] },
        deadLetterTopic: '',
        type: PubsubSubscriptionType.STREAMING,
      },
    ],
    appConnectionProperties: { ...app, maxConcurrency: 0 },
    actorRuntime: { runtimeStatus: 1, activeActors: [], hostReady: false, placement: 'placement: disconnected' },
    workflows: { connectedWorkers: 0 },
  });
  expect(Object.keys(answer.extendedMetadata)).toEqual(['appPID', 'my key']);
  expect(answer.registeredComponents.map(({ name, version }) => `${name}/${version}`)).toEqual([
    'orders/v1',
    'other/v1',
    'pubsub/v1',
  ]);
  expect(answer.registeredComponents[0]?.capabilities).toContain('TRANSACTIONAL');
});
