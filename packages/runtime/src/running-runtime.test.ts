import { defineComponent, field, type NameResolver } from '@outrigger/core';
import { describe, expect, test } from 'vitest';

import { LogLines } from '../test/folder.ts';
import { component, good, tracedRuntimes } from '../test/traced-runtimes.ts';
import type { AppChannel } from './app-channel/app-channel.ts';
import { inProcessApp } from './app-channel/in-process.ts';
import type { PeerTransport } from './blocks/invocation.ts';

const { folder, events, contexts, traced, start, failedStart } = tracedRuntimes();

describe('the runtime', () => {
  test('tells what is loaded, in the order of the resources', async () => {
    await using runtime = await start(
      component('two', 'pubsub.test') +
        component('one', 'state.test', good) +
        'kind: HTTPEndpoint\napiVersion: dapr.io/v1alpha1\nmetadata: {name: api}\nspec: {baseUrl: "https://example.com"}\n---\nkind: Resiliency\napiVersion: dapr.io/v1alpha1\nmetadata: {name: r}\nspec: {}\n',
    );
    expect(runtime.components).toEqual([
      { name: 'two', type: 'pubsub.test', version: 'v1', capabilities: [], status: 'ready' },
      { name: 'one', type: 'state.test', version: 'v1', capabilities: ['ETAG'], status: 'ready' },
    ]);
    expect([runtime.httpEndpoints, runtime.resiliencies, runtime.subscriptions]).toEqual([['api'], ['r'], []]);
  });

  test('tells of subscriptions that have no app or no broker to work with', async () => {
    await using runtime = await start(
      'kind: Subscription\napiVersion: dapr.io/v1alpha1\nmetadata: {name: s}\nspec: {pubsubname: nowhere, topic: t, route: /t}\n',
    );
    await runtime.connectApp();
    expect(runtime.subscriptions).toMatchObject([{ pubsubName: 'nowhere', topic: 't', type: 'DECLARATIVE' }]);
  });

  test('delivers to the app from connectApp on, and ends subscriptions before components', async () => {
    {
      await using runtime = await start(component('broker', 'pubsub.test'), {
        app: inProcessApp({ subscribe: [{ pubsubName: 'broker', topic: 't', handler: () => {} }] }),
      });
      expect(runtime.subscriptions).toEqual([]);
      await runtime.connectApp();
      expect(runtime.subscriptions).toMatchObject([{ pubsubName: 'broker', topic: 't', type: 'PROGRAMMATIC' }]);
      await runtime.drain(AbortSignal.timeout(1000));
      expect(events).toEqual(['start broker']);
    }
    expect(events).toEqual(['start broker', 'end broker']);
  });

  test('asks the app for its configuration and its subscriptions, anew when it comes back', async () => {
    const asked: string[] = [];
    let healthy = true;
    const app: AppChannel = Object.assign(inProcessApp({ healthy: () => healthy }), {
      configuration: async () => {
        asked.push('configuration');
        throw new Error('not now');
      },
      subscriptions: async () => {
        asked.push('subscriptions');
        return [];
      },
    });
    const log = new LogLines();
    await using runtime = await start('', {
      app,
      appHealth: { intervalMs: 2, timeoutMs: 1000, threshold: 1 },
      logger: log,
    });
    await runtime.appUnhealthy(AbortSignal.timeout(1000));
    await runtime.connectApp();
    expect(asked).toEqual(['configuration', 'subscriptions']);
    healthy = false;
    await runtime.appUnhealthy(AbortSignal.timeout(1000));
    healthy = true;
    await expect.poll(() => asked).toEqual(['configuration', 'subscriptions', 'configuration', 'subscriptions']);
    expect(log.lines.join('\n')).toContain("reading the app's configuration failed: not now");
  });

  test('never calls an app unhealthy whose health it does not check', async () => {
    await using runtime = await start('', { app: inProcessApp({ healthy: () => false }) });
    await runtime.connectApp();
    await expect(runtime.appUnhealthy(AbortSignal.timeout(5))).rejects.toThrow(/timeout/);
  });

  const peers: PeerTransport = {
    call: () => Promise.reject(new Error('nobody is called')),
    [Symbol.asyncDispose]: async () => {},
  };
  const resolver = (type: string) =>
    defineComponent({
      kind: 'nameresolution',
      type,
      version: 'v1',
      metadata: { file: field.text({ description: 'Where' }) },
      create: async (context): Promise<NameResolver> =>
        traced(context, {
          resolve: async () => [],
          register: async ({ appId, host, port }) => {
            events.push(`register ${appId} at ${host}:${port}`);
            return { [Symbol.asyncDispose]: async () => void events.push('leave') };
          },
          [Symbol.asyncDispose]: async () => {},
        }),
    });

  test('registers with the name resolver of the Configuration once the app is there', async () => {
    folder.file(
      'config.yaml',
      'kind: Configuration\napiVersion: dapr.io/v1alpha1\nmetadata: {name: c}\nspec: {nameResolution: {component: test, configuration: {file: $PLACE}}}\n',
    );
    {
      await using runtime = await start('', {
        components: [resolver('nameresolution.test')],
        configPaths: [`${folder.path}/config.yaml`],
        env: { PLACE: 'names' },
        peers,
        self: { host: '127.0.0.1', port: 4711 },
      });
      expect(contexts[0]?.metadata).toEqual({ file: 'names' });
      expect(runtime.components).toEqual([]);
      await runtime.connectApp();
    }
    expect(events).toEqual([
      'start nameresolution.test',
      'register app at 127.0.0.1:4711',
      'leave',
      'end nameresolution.test',
    ]);
  });

  test('that leaves while it registers is not left behind as registered', async () => {
    const registering = Promise.withResolvers<void>();
    const registered = Promise.withResolvers<void>();
    const slow = defineComponent({
      kind: 'nameresolution',
      type: 'nameresolution.slow',
      version: 'v1',
      metadata: {},
      create: async (): Promise<NameResolver> => ({
        resolve: async () => [],
        register: async () => {
          registering.resolve();
          await registered.promise;
          return { [Symbol.asyncDispose]: async () => void events.push('leave') };
        },
        [Symbol.asyncDispose]: async () => {},
      }),
    });
    folder.file(
      'config.yaml',
      'kind: Configuration\napiVersion: dapr.io/v1alpha1\nmetadata: {name: c}\nspec: {nameResolution: {component: slow}}\n',
    );
    await using runtime = await start('', {
      components: [slow],
      configPaths: [`${folder.path}/config.yaml`],
      peers,
      self: { host: '127.0.0.1', port: 4711 },
    });
    const connected = runtime.connectApp();
    await registering.promise;
    await runtime.drain(AbortSignal.timeout(1000));
    registered.resolve();
    await connected;
    expect(events).toEqual(['leave']);
  });

  test('needs no name resolver when it has no way to peers', async () => {
    folder.file(
      'config.yaml',
      'kind: Configuration\napiVersion: dapr.io/v1alpha1\nmetadata: {name: c}\nspec: {nameResolution: {component: none}}\n',
    );
    const configPaths = [`${folder.path}/config.yaml`];
    await using _ = await start('', { configPaths });
  });

  test('takes the usual name resolver, aloud, for one that nobody provides, but not for a misspelt one', async () => {
    const configPaths = [`${folder.path}/config.yaml`];
    const configuration = (component: string) =>
      `kind: Configuration\napiVersion: dapr.io/v1alpha1\nmetadata: {name: c}\nspec: {nameResolution: {component: ${component}}}\n`;
    folder.file('config.yaml', configuration('elsewhere'));
    const logger = new LogLines();
    await using _ = await start('', { configPaths, peers, logger });
    expect(logger.lines).toContainEqual(
      expect.stringMatching(
        /config\.yaml:4: no installed package provides nameresolution\.elsewhere\/v1.* is used instead/,
      ),
    );
    folder.file('config.yaml', configuration('sqlit'));
    expect(await failedStart('', { configPaths, peers })).toEqual([
      expect.stringContaining('did you mean nameresolution.sqlite'),
    ]);
  });

  test('outside standalone mode has the name resolver of the mode', async () => {
    const asked: string[] = [];
    const own = defineComponent({
      kind: 'nameresolution',
      type: 'nameresolution.kubernetes',
      version: 'v1',
      description: 'for this test',
      metadata: {},
      create: async () => ({
        resolve: async ({ appId }) => {
          asked.push(appId);
          return [];
        },
        [Symbol.asyncDispose]: async () => {},
      }),
    });
    await using runtime = await start('', { peers, mode: 'kubernetes', components: [own] });
    const request = { target: 'other', verb: 'GET', path: '/', query: '', headers: {}, body: undefined };
    await expect(runtime.invocation.invoke(request, AbortSignal.timeout(10_000))).rejects.toThrow('other');
    expect(asked).toContain('other');
  });

  test('says aloud what the Configuration asks for and nothing enforces yet', async () => {
    folder.file(
      'config.yaml',
      'kind: Configuration\napiVersion: dapr.io/v1alpha1\nmetadata: {name: c}\nspec: {httpPipeline: {handlers: [{name: up, type: middleware.http.uppercase}]}}\n',
    );
    const logger = new LogLines();
    await using _ = await start('', { configPaths: [`${folder.path}/config.yaml`], logger });
    expect(logger.lines).toContain("warn the Configuration's httpPipeline is not supported yet and protects nothing");
  });
});
