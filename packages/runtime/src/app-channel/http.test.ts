import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttp2Server, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { Readable } from 'node:stream';

import { silentLogger } from '@outrigger/core';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { HttpApp } from '../../test/http-app.ts';
import type { AppRequest, AppResponse, TopicEvent } from './app-channel.ts';
import { HttpAppChannel, type HttpAppChannelOptions } from './http.ts';

const never = new AbortController().signal;

function channelTo(port: number, options: Partial<HttpAppChannelOptions> = {}): HttpAppChannel {
  const channel = new HttpAppChannel({ appId: 'app', port, logger: silentLogger, ...options });
  onTestFinished(() => channel[Symbol.asyncDispose]());
  return channel;
}

async function serve(...args: Parameters<typeof HttpApp.serve>): Promise<HttpApp> {
  const app = await HttpApp.serve(...args);
  onTestFinished(() => app[Symbol.asyncDispose]());
  return app;
}

async function start(...args: Parameters<typeof HttpApp.start>): Promise<HttpApp> {
  const app = await HttpApp.start(...args);
  onTestFinished(() => app[Symbol.asyncDispose]());
  return app;
}

async function serveHttp2(
  handle: (request: Http2ServerRequest, response: Http2ServerResponse) => void,
): Promise<number> {
  const server = createHttp2Server(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const call = (request: Partial<AppRequest> = {}): AppRequest => ({
  verb: 'GET',
  path: '/',
  query: '',
  headers: {},
  body: undefined,
  ...request,
});

async function read(body: AppResponse['body']): Promise<string> {
  if (body === undefined) return '';
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  let text = '';
  for await (const chunk of body) text += Buffer.from(chunk).toString();
  return text;
}

const event: TopicEvent = {
  pubsubName: 'p',
  topic: 't',
  path: '/t',
  cloudEvent: { id: '1' },
  body: Buffer.from('{}'),
  metadata: {},
};

describe('waiting for the app', () => {
  it('ends as soon as something listens on its port', async () => {
    const placeholder = createTcpServer().listen(0, '127.0.0.1');
    await once(placeholder, 'listening');
    const { port } = placeholder.address() as AddressInfo;
    placeholder.close();
    await once(placeholder, 'close');
    const ready = channelTo(port).ready(never);
    const server = createServer().listen(port, '127.0.0.1');
    onTestFinished(() => void server.close());
    await ready;
  });

  it('ends when it is aborted', async () => {
    await expect(channelTo(1).ready(AbortSignal.timeout(5))).rejects.toThrow(/timeout/);
  });
});

describe('what the app says of itself', () => {
  it('is read from /dapr/config and /dapr/subscribe, in both forms and with values that are no texts', async () => {
    const answers: Record<string, unknown> = {
      '/dapr/config': { entities: ['Cart'] },
      '/dapr/subscribe': [
        { pubsubName: 'p', topic: 'a', route: '/a', metadata: { rawPayload: true, n: 5, text: 'x' } },
        {
          pubsubname: 'p',
          topic: 'b',
          routes: { rules: [{ match: 'event.x == 1', path: '/b1' }], default: '/b' },
          deadLetterTopic: 'dead',
          bulkSubscribe: { enabled: true, maxMessagesCount: 5 },
        },
        { pubsubname: 'p', topic: 'no route' },
      ],
    };
    const app = await start(({ url }) => ({ body: answers[url] }));
    const channel = channelTo(app.port, { appToken: 'secret' });
    expect(await channel.configuration(never)).toEqual({ entities: ['Cart'] });
    expect(await channel.subscriptions(never)).toEqual([
      { pubsubName: 'p', topic: 'a', metadata: { rawPayload: 'true', n: '5', text: 'x' }, rules: [{ path: '/a' }] },
      {
        pubsubName: 'p',
        topic: 'b',
        metadata: {},
        rules: [{ match: 'event.x == 1', path: '/b1' }, { path: '/b' }],
        deadLetterTopic: 'dead',
        bulkSubscribe: { enabled: true, maxMessagesCount: 5, maxAwaitDurationMs: 0 },
      },
    ]);
    expect(app.requests.map(({ headers }) => headers['dapr-api-token'])).toEqual(['secret', 'secret']);
    expect(app.requests[0]?.headers).toMatchObject({ 'dapr-app-id': 'app', 'user-agent': 'outrigger' });
  });

  it('is nothing when the app answers 404', async () => {
    const app = await start(() => undefined);
    expect(await channelTo(app.port).subscriptions(never)).toEqual([]);
    expect(await channelTo(app.port).configuration(never)).toBeUndefined();
  });

  it('is not asked for when the endpoints are disabled', async () => {
    const app = await start(() => ({ body: [] }));
    const channel = channelTo(app.port, { disabledInitEndpoints: ['config', 'subscribe'] });
    await channel.subscriptions(never);
    await channel.configuration(never);
    expect(app.requests).toHaveLength(0);
  });

  it('fails when it is no list', async () => {
    const app = await start(() => ({ body: '{"a":1}' }));
    await expect(channelTo(app.port).subscriptions(never)).rejects.toThrow(/not a JSON array/);
  });

  it('is healthy with any 2xx on the health path', async () => {
    const app = await start(({ url }) => ({ status: url === '/live' ? 204 : 503 }));
    expect(await channelTo(app.port, { healthPath: '/live' }).probe(never)).toBe(true);
    expect(await channelTo(app.port).probe(never)).toBe(false);
    expect(await channelTo(1).probe(never)).toBe(false);
  });
});

describe('invoking', () => {
  it('passes verb, path, query, headers and body, and whatever the app answers', async () => {
    const app = await serve(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      response.writeHead(418, { 'x-many': ['a', 'b'] });
      response.end(
        JSON.stringify({
          url: request.url,
          method: request.method,
          headers: request.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    const response = await channelTo(app.port, { appToken: 'secret' }).invoke(
      call({
        verb: 'PATCH',
        path: '/a%20b/ü',
        query: 'x=1&y=%2F',
        headers: {
          'x-many': ['1', '2'],
          'dapr-api-token': 'theirs',
        },
        body: Buffer.from('body'),
      }),
      never,
    );
    expect(response.status).toBe(418);
    expect(response.headers).toMatchObject({ 'x-many': ['a', 'b'] });
    const seen = JSON.parse(await read(response.body)) as { headers: Record<string, string> };
    expect(seen).toMatchObject({ method: 'PATCH', url: '/a%20b/%C3%BC?x=1&y=%2F', body: 'body' });
    expect(seen.headers).toMatchObject({ 'x-many': '1, 2', 'dapr-api-token': 'secret', 'content-length': '4' });
  });

  it('streams both ways, each piece as soon as it is there', async () => {
    const app = await serve(async (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for await (const chunk of request) response.write(`data: ${String(chunk)}\n\n`);
      response.end();
    });
    const turns = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (const turn of turns) yield Buffer.from(await turn.promise);
    }
    turns[0]?.resolve('one');
    const response = await channelTo(app.port).invoke(call({ verb: 'POST', body: pieces() }), never);
    const body = (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    expect(Buffer.from((await body.next()).value as Uint8Array).toString()).toBe('data: one\n\n');
    turns[1]?.resolve('two');
    expect(Buffer.from((await body.next()).value as Uint8Array).toString()).toBe('data: two\n\n');
    expect((await body.next()).done).toBe(true);
  });

  it('makes the app wait while nobody reads', async () => {
    let written = 0;
    const app = await serve(async (_request, response) => {
      const chunk = Buffer.alloc(64 * 1024);
      for (; written < 1024 && !response.destroyed; written++) {
        if (!response.write(chunk)) await once(response, 'drain');
      }
      response.end();
    });
    const response = await channelTo(app.port).invoke(call(), never);
    let before = -1;
    await vi.waitFor(() => {
      const stalled = written === before;
      before = written;
      expect(stalled).toBe(true);
    }, 20_000);
    expect(written).toBeLessThan(1024);
    expect((await read(response.body)).length).toBe(1024 * 64 * 1024);
  });

  it('tells the app when the caller is gone, before and while it answers', async () => {
    const closed: string[] = [];
    const app = await serve(async (request, response) => {
      response.on('close', () => closed.push(request.url ?? ''));
      if (request.url === '/stream') response.write('first');
    });
    const channel = channelTo(app.port);
    const waiting = new AbortController();
    const first = channel.invoke(call({ path: '/wait' }), waiting.signal);
    const response = await channel.invoke(call({ path: '/stream' }), never);
    waiting.abort(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    await (response.body as AsyncIterableIterator<Uint8Array>).return?.();
    await expect.poll(() => closed.toSorted()).toEqual(['/stream', '/wait']);
  });

  it('ends a stream with the reason of the abort', async () => {
    const app = await serve(async (_request, response) => void response.write('first'));
    const gone = new AbortController();
    const response = await channelTo(app.port).invoke(call(), gone.signal);
    const reading = read(response.body);
    gone.abort(new Error('gone'));
    await expect(reading).rejects.toThrow('gone');
  });

  it.each([
    ['GET', undefined, 2],
    ['PUT', Buffer.from('x'), 2],
    ['POST', Buffer.from('x'), 1],
    ['PUT', Readable.from([Buffer.from('x')]), 1],
  ] as const)(
    'makes a %s once more when the app hangs up on it, if that does no harm (%#)',
    async (verb, body, times) => {
      let arrived = 0;
      const app = await serve(async (request, response) => {
        if (++arrived === 1) request.socket.destroy();
        else response.end('there');
      });
      const answer = channelTo(app.port).invoke(call({ verb, body }), never);
      if (times === 1) await expect(answer).rejects.toMatchObject({ code: 'unavailable' });
      else expect((await answer).status).toBe(200);
      expect(arrived).toBe(times);
    },
  );

  it('fails as unavailable when nothing listens', async () => {
    await expect(channelTo(1).invoke(call(), never)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^calling the app at 127\.0\.0\.1:1 failed: /) as string,
    });
  });

  it('speaks HTTP/2 in clear text where the app does', async () => {
    const port = await serveHttp2((request, response) => {
      response.writeHead(200, { 'x-version': request.httpVersion });
      response.end('hello');
    });
    const channel = channelTo(port, { protocol: 'h2c' });
    const response = await channel.invoke(call({ verb: 'POST', path: '/x', body: Buffer.from('b') }), never);
    expect(response).toMatchObject({ status: 200, headers: { 'x-version': '2.0' } });
    expect(await read(response.body)).toBe('hello');
  });

  it('does not let calls over HTTP/2 wait for each other', async () => {
    const waiting: Http2ServerResponse[] = [];
    const port = await serveHttp2((_request, response) => {
      waiting.push(response);
      if (waiting.length === 3) for (const one of waiting) one.end();
    });
    const channel = channelTo(port, { protocol: 'h2c' });
    const post = () => channel.invoke(call({ verb: 'POST', body: Buffer.from('b') }), never);
    expect(await Promise.all([post(), post(), post()])).toMatchObject([
      { status: 200 },
      { status: 200 },
      { status: 200 },
    ]);
  });

  it.each(['http', 'h2c'] as const)(
    'goes on when callers leave before they have sent their body: %s',
    async (protocol) => {
      const uncaught: unknown[] = [];
      const onUncaught = (error: unknown) => void uncaught.push(error);
      process.on('uncaughtException', onUncaught);
      onTestFinished(() => void process.off('uncaughtException', onUncaught));
      const port =
        protocol === 'h2c'
          ? await serveHttp2((request, response) => void request.resume().on('end', () => response.end()))
          : (await start(() => ({}))).port;
      const channel = channelTo(port, { protocol });
      async function* body(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('first');
        await new Promise(() => {});
      }
      for (let turns = 0; turns < 12; turns++) {
        const gone = new AbortController();
        const answer = channel.invoke(call({ verb: 'POST', body: body() }), gone.signal);
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        gone.abort(new Error('gone'));
        await expect(answer).rejects.toThrow('gone');
      }
      expect(await channel.invoke(call({ verb: 'POST', body: Buffer.from('b') }), never)).toMatchObject({
        status: 200,
      });
      expect(uncaught).toEqual([]);
    },
  );
});

describe('the concurrency limit', () => {
  it('lets calls in one after the other, and counts one until its body was read', async () => {
    const app = await serve(async (request, response) => {
      response.write(request.url ?? '');
      if (request.url !== '/1') response.end();
      else request.socket.once('close', () => {});
    });
    const channel = channelTo(app.port, { maxConcurrency: 1 });
    const first = await channel.invoke(call({ path: '/1' }), never);
    const order: string[] = [];
    const later = ['/2', '/3'].map(async (path) => {
      const response = await channel.invoke(call({ path }), never);
      order.push(await read(response.body));
    });
    expect(await channel.probe(never)).toBe(true);
    expect(order).toEqual([]);
    await (first.body as AsyncIterableIterator<Uint8Array>).return?.();
    await Promise.all(later);
    expect(order).toEqual(['/2', '/3']);
  });

  it('lets go of a caller that gives up while it waits', async () => {
    const app = await serve(async (_request, response) => void response.write('x'));
    const channel = channelTo(app.port, { maxConcurrency: 1 });
    await channel.invoke(call(), never);
    await expect(channel.invoke(call(), AbortSignal.timeout(5))).rejects.toThrow(/timeout/);
  });
});

describe('delivering', () => {
  it('is tried once more when a kept connection turns out to be closed', async () => {
    let connections = 0;
    const server = createTcpServer((socket) => {
      const answers = ++connections > 1;
      socket.once('data', () => {
        if (answers) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
        else socket.destroy();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    expect(await channelTo((server.address() as AddressInfo).port).deliver(event, never)).toBe('SUCCESS');
    expect(connections).toBe(2);
  });

  it('fails with the status of the app', async () => {
    const app = await start(() => ({ status: 503, body: 'later' }));
    await expect(channelTo(app.port).deliver(event, never)).rejects.toMatchObject({
      statusCode: 503,
      message: 'the app answered 503: later',
    });
  });

  it('does not read more than the limit', async () => {
    const app = await start(() => ({ body: 'x'.repeat(2000) }));
    await expect(channelTo(app.port, { maxBodySize: 1000 }).deliver(event, never)).rejects.toThrow(
      /longer than 1000 bytes/,
    );
    expect(await channelTo(app.port, { maxBodySize: 0 }).deliver(event, never)).toBe('SUCCESS');
  });
});
