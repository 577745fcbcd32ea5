import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { silentLogger } from '@outrigger/core';
import { describe, expect, onTestFinished, test } from 'vitest';

import { serve } from '../../test/served.ts';
import { replyBytes, replyEmpty } from './reply.ts';
import type { HttpExchange, Route } from './route.ts';
import { createHttpServer } from './server.ts';

const api = { name: 'x', version: 'v1' };

function route(pattern: string, handle: Route['handle']): Route {
  return { methods: ['GET', 'POST'], pattern, api, handle };
}

const hello = route('/hello', (exchange) => replyEmpty(exchange));
const echo = route('/echo', async (exchange) => replyBytes(exchange, 200, await exchange.body()));

describe('HTTP/2 without TLS', () => {
  test('is served on the same port by the same routes', async () => {
    const { url, server } = await serve({ routes: [echo, hello] });
    const client = connectHttp2(url);
    onTestFinished(() => client.destroy());
    const call = client.request({ ':method': 'POST', ':path': '/echo' });
    const big = 'x'.repeat(200_000);
    call.end(big);
    call.setEncoding('utf8');
    const [headers] = (await once(call, 'response')) as [Record<string, string>];
    let text = '';
    for await (const chunk of call) text += String(chunk);
    expect([headers[':status'], headers['content-length'], text === big]).toEqual([200, '200000', true]);
    expect((await fetch(`${url}/hello`)).status).toBe(204);
    const closed = once(client, 'close');
    await server.close(5000);
    await closed;
  });

  test('a body over the limit, an unknown path and a client that leaves do no harm', async () => {
    const { url } = await serve({ routes: [echo, hello], maxBodySize: 10 });
    const client = connectHttp2(url);
    onTestFinished(() => client.destroy());
    const status = async (path: string, body: string) => {
      const call = client.request({ ':method': 'POST', ':path': path });
      call.on('error', () => {});
      call.end(body);
      const [headers] = (await once(call, 'response')) as [Record<string, number>];
      return headers[':status'];
    };
    expect(await status('/echo', 'x'.repeat(11))).toBe(400);
    expect(await status('/none', '')).toBe(404);
    client.destroy();
    expect((await fetch(`${url}/hello`)).status).toBe(204);
  });

  test('can be turned off', async () => {
    const { url } = await serve({ routes: [hello], http2: false });
    const client = connectHttp2(url);
    const [error] = (await once(client, 'error')) as [Error];
    expect(error).toBeInstanceOf(Error);
  });

  test('an upgrade is not taken: the call goes on in HTTP/1.1', async () => {
    const { port } = await serve({ routes: [hello] });
    const call = request({
      port,
      path: '/hello',
      headers: { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA' },
    });
    call.end();
    const [answer] = (await once(call, 'response')) as [{ statusCode: number; resume(): void }];
    answer.resume();
    expect(answer.statusCode).toBe(204);
  });
});

describe('listening', () => {
  test('a port in use: the message names port, flag and what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const server = createHttpServer({ routes: [], addresses: ['127.0.0.1'], port, logger: silentLogger });
    await expect(server.listen()).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: the port is in use; stop the process that has it, or choose another with --dapr-http-port (0 picks a free one)`,
    );
  });

  test('when one address of several fails, none stays bound', async () => {
    const server = createHttpServer({ routes: [hello], addresses: ['127.0.0.1', '192.0.2.1'], logger: silentLogger });
    await expect(server.listen()).rejects.toThrow(/correct --dapr-listen-addresses/);
    await server.close(0);
  });

  test('several addresses share the port that was picked', async () => {
    const { port } = await serve({ routes: [hello], addresses: ['127.0.0.1', '127.0.0.2'] });
    expect((await fetch(`http://127.0.0.2:${port}/hello`)).status).toBe(204);
  });

  test('a Unix socket works, also where a killed process has left its file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'outrigger-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const socketPath = join(folder, 'dapr-shop-http.socket');
    const killed = `net.createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', killed]);
    expect((await stat(socketPath)).isSocket()).toBe(true);
    const first = await serve({ routes: [hello], socketPath });
    await expect(serve({ routes: [hello], socketPath })).rejects.toThrow(/another process serves this socket/);
    // what is no socket is somebody's file
    const file = join(folder, 'notes.txt');
    await writeFile(file, 'keep me');
    await expect(serve({ routes: [hello], socketPath: file })).rejects.toThrow(/cannot listen on/);
    expect(await readFile(file, 'utf8')).toBe('keep me');
    const call = request({ socketPath, path: '/hello' }).end();
    const [answer] = (await once(call, 'response')) as [{ statusCode: number; resume(): void }];
    answer.resume();
    expect(answer.statusCode).toBe(204);
    await first.server.close(0);
  });

  test('a Unix socket that cannot be made is told with the reason', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'outrigger-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const missing = join(folder, 'missing');
    await expect(serve({ routes: [hello], socketPath: join(missing, 'a.socket') })).rejects.toThrow(
      `the folder ${missing} does not exist; make it (mkdir -p ${missing}), or name another folder with --unix-domain-socket`,
    );
    const file = join(folder, 'notes.txt');
    await writeFile(file, '');
    await expect(serve({ routes: [hello], socketPath: join(file, 'a.socket') })).rejects.toThrow(
      `${file} is not a folder; name another folder`,
    );
    const long = join(folder, 'a'.repeat(200));
    await expect(serve({ routes: [hello], socketPath: long })).rejects.toThrow('the path is too long for a socket');
  });
});

describe('closing', () => {
  test('requests in flight end, with connection: close; idle connections are hung up at once', async () => {
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const slow = async (exchange: HttpExchange) => {
      begun.resolve();
      await go.promise;
      replyEmpty(exchange);
    };
    const { server, port, url } = await serve({ routes: [route('/slow', slow), hello] });
    const silent = createConnection(port, '127.0.0.1');
    await once(silent, 'connect');
    await fetch(`${url}/hello`);
    const answer = fetch(`${url}/slow`);
    await begun.promise;
    const closed = server.close(10_000);
    await expect(fetch(`${url}/hello`)).rejects.toThrow('fetch failed');
    go.resolve();
    expect([(await answer).status, (await answer).headers.get('connection')]).toEqual([204, 'close']);
    await closed;
    silent.destroy();
  });

  test('after the grace what is left is cut off', async () => {
    const begun = Promise.withResolvers<void>();
    const stuck = () => {
      begun.resolve();
      return new Promise<void>(() => {});
    };
    const { server, url } = await serve({ routes: [route('/stuck', stuck)] });
    const answer = fetch(`${url}/stuck`);
    answer.catch(() => {});
    await begun.promise;
    await server.close(20);
    await expect(answer).rejects.toThrow('fetch failed');
  });
});
