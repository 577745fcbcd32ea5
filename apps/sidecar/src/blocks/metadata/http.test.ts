import { expect, test } from 'vitest';

import { serve } from '../../../test/served.ts';
import type { DescribedRuntime } from './document.ts';
import { metadataRoutes } from './http.ts';

const configuration: DescribedRuntime['configuration'] = {
  name: 'config',
  httpPipeline: [],
  appHttpPipeline: [],
  secretScopes: [],
  features: new Map([
    ['HotReload', true],
    ['Off', false],
  ]),
  api: { allowed: [], denied: [] },
  deniedComponents: [],
  logging: { apiLogging: { obfuscateURLs: false, omitHealthChecks: false } },
  sections: {},
};

test('the document says what runs; empty parts are left out', async () => {
  const runtime: DescribedRuntime = {
    appId: 'shop',
    configuration,
    components: [
      { name: 'orders', type: 'state.x', version: 'v1', capabilities: ['ETAG'], status: 'ready' },
      { name: 'vault', type: 'secretstores.x', version: 'v1', capabilities: [], status: 'ready' },
      { name: 'away', type: 'lock.x', version: 'v1', capabilities: [], status: 'retrying', message: 'refused' },
    ],
    httpEndpoints: [],
    resiliencies: ['calm'],
    subscriptions: [
      {
        pubsubName: 'p',
        topic: 't',
        metadata: {},
        rules: [{ match: '', path: '/x' }],
        deadLetterTopic: '',
        type: 'DECLARATIVE',
      },
    ],
  };
  const app = { port: 3000, protocol: 'http', channelAddress: '127.0.0.1', maxConcurrency: -1 };
  const extended = new Map([['daprRuntimeVersion', '1.18.3']]);
  const { url } = await serve({ routes: metadataRoutes({ runtime, runtimeVersion: '1.18.3', app, extended }) });

  const put = await fetch(`${url}/v1.0/metadata/${encodeURIComponent('my key')}`, { method: 'PUT', body: 'my value' });
  expect(put.status).toBe(204);
  const answer = await fetch(`${url}/v1.0/metadata`);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(await answer.json()).toEqual({
    id: 'shop',
    runtimeVersion: '1.18.3',
    enabledFeatures: ['HotReload'],
    components: [
      { name: 'orders', type: 'state.x', version: 'v1', capabilities: ['ETAG'] },
      { name: 'vault', type: 'secretstores.x', version: 'v1' },
      { name: 'away', type: 'lock.x', version: 'v1', status: 'retrying', message: 'refused' },
    ],
    extended: { daprRuntimeVersion: '1.18.3', 'my key': 'my value' },
    subscriptions: [{ pubsubname: 'p', topic: 't', rules: [{ path: '/x' }], deadLetterTopic: '', type: 'DECLARATIVE' }],
    appConnectionProperties: { port: 3000, protocol: 'http', channelAddress: '127.0.0.1' },
    actorRuntime: { runtimeStatus: 'DISABLED', hostReady: false, placement: 'placement: disconnected' },
    workflows: {},
    resiliencies: [{ name: 'calm' }],
  });
});

test('without an app its connection is shown with the defaults', async () => {
  const runtime = {
    appId: 'shop',
    configuration,
    components: [],
    httpEndpoints: [],
    resiliencies: [],
    subscriptions: [],
  };
  const { url } = await serve({ routes: metadataRoutes({ runtime, runtimeVersion: '1.18.3', extended: new Map() }) });
  expect(await (await fetch(`${url}/v1.0/metadata`)).json()).toMatchObject({
    appConnectionProperties: { protocol: 'http', channelAddress: '127.0.0.1' },
  });
});
