import { ComponentError, type Logger, silentLogger } from '@outrigger/core';
import { describe, expect, onTestFinished, test } from 'vitest';

import { HttpApp } from '../../test/http-app.ts';
import type { InputBindingEvent } from './app-channel.ts';
import { HttpAppChannel, type HttpAppChannelOptions } from './http.ts';

const never = new AbortController().signal;

async function appOf(...args: Parameters<typeof HttpApp.start>) {
  const app = await HttpApp.start(...args);
  onTestFinished(() => app[Symbol.asyncDispose]());
  return app;
}

function channelTo(port: number, options: Partial<HttpAppChannelOptions> = {}): HttpAppChannel {
  const channel = new HttpAppChannel({ appId: 'app', port, logger: silentLogger, ...options });
  onTestFinished(() => channel[Symbol.asyncDispose]());
  return channel;
}

const bindings = (...names: string[]) => names.map((name) => ({ name, path: `/${name}` }));
const event: InputBindingEvent = { name: 'b', path: '/b', data: Buffer.from('data'), metadata: {} };

describe('which bindings the app wants', () => {
  test('is asked with OPTIONS: 2xx and 405 are yes', async () => {
    const statuses: Record<string, number> = {
      '/ok': 200,
      '/empty': 204,
      '/post-only': 405,
      '/no': 404,
      '/broken': 500,
    };
    const app = await appOf(({ url }) => ({ status: statuses[url] ?? 404 }));
    const wanted = await channelTo(app.port, { appToken: 't' }).inputBindings(
      bindings('ok', 'empty', 'post-only', 'no', 'broken'),
      never,
    );
    expect([...wanted]).toEqual(['ok', 'empty', 'post-only']);
    expect(app.requests).toHaveLength(5);
    for (const { method, headers } of app.requests) {
      expect([method, headers['dapr-api-token']]).toEqual(['OPTIONS', 't']);
    }
  });

  test('is no when the app takes too long to say, with a warning that tells what to do', async () => {
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (message) => void warnings.push(message) };
    const app = await appOf(({ url }) => (url === '/slow' ? new Promise(() => {}) : { status: 200 }));
    const channel = channelTo(app.port, { bindingOptionsTimeoutMs: 500, logger });
    expect([...(await channel.inputBindings(bindings('slow', 'quick'), never))]).toEqual(['quick']);
    expect(warnings.join()).toMatch(/OPTIONS \/slow within 500 ms \(--app-binding-options-timeout\).*direction: input/);
  });

  test('cannot be known while the app is not there', async () => {
    await expect(channelTo(1).inputBindings(bindings('b'), never)).rejects.toSatisfy(ComponentError.is);
  });
});

describe('an event', () => {
  test('is posted with its metadata as headers', async () => {
    const app = await appOf(() => ({}));
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const metadata = { Key: 'välue', 'dapr-api-token': 'mine', traceparent, host: 'elsewhere', 'not a name': 'x' };
    const channel = channelTo(app.port, { appToken: 't' });
    await channel.deliverBinding({ ...event, metadata, contentType: 'text/plain' }, never);
    await channel.deliverBinding({ ...event, data: new Uint8Array() }, never);
    const [first, second] = app.requests;
    expect(first).toMatchObject({
      method: 'POST',
      url: '/b',
      body: 'data',
      headers: { key: 'v%C3%A4lue', 'dapr-api-token': 't', traceparent, 'content-type': 'text/plain' },
    });
    expect(second).toMatchObject({
      body: '',
      headers: { 'content-length': '0', 'content-type': 'application/json' },
    });
    expect(second?.headers['traceparent']).toMatch(/^00-0{32}-0{16}-00$/);
  });

  test.each([200, 201, 204])('is done when the app answers %i, and has its answer', async (status) => {
    const app = await appOf(() => ({ status, body: status === 204 ? '' : 'reply' }));
    const answer = await channelTo(app.port).deliverBinding(event, never);
    expect(answer).toMatchObject({ to: [], concurrency: 'sequential' });
    expect(Buffer.from(answer.data ?? []).toString()).toBe(status === 204 ? '' : 'reply');
  });

  test.each([302, 404, 500])('has failed when the app answers %i', async (status) => {
    const app = await appOf(() => ({ status, body: 'no' }));
    await expect(channelTo(app.port).deliverBinding(event, never)).rejects.toMatchObject({
      name: 'AppError',
      statusCode: status,
      message: `fails to send binding event to http app channel, status code: ${status} body: no`,
    });
  });
});
