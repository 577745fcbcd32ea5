import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { capturedRun } from '../../test/captured-run.ts';
import { Registry } from '../instances/registry.ts';

// Stands for a sidecar: what is checked is what arrives there, and what is made of its answers.
function recorder(): Server {
  return createServer((request, response) => {
    const { method, url, headers } = request;
    const seen = { method, url, type: headers['content-type'], token: headers['dapr-api-token'] };
    if (url?.includes('missing')) response.statusCode = 404;
    if (url?.includes('refused')) response.writeHead(403).end('{"errorCode":"ERR_X","message":"no"}\n');
    else if (url?.includes('unknown')) {
      response.writeHead(404).end('{"errorCode":"ERR_PUBSUB_NOT_FOUND","message":"pubsub unknown is not found"}');
    } else if (url === '/v1.0/metadata') {
      response.end('{"components":[{"name":"store","type":"state.sqlite"},{"name":"events","type":"pubsub.sqlite"}]}');
    } else if (url?.includes('missing')) response.end();
    else if (url?.includes('binary')) response.end(Buffer.from([0xff, 0x00]));
    else if (url?.includes('typed')) response.setHeader('content-type', 'application/json').end('{"n":1}');
    else void text(request).then((body) => response.end(JSON.stringify({ ...seen, body })));
  });
}

describe('calls through a sidecar', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-calls-'));
  const env = { OUTRIGGER_HOME: folder };
  const registry = new Registry(folder);
  const byPort = recorder().listen(0, '127.0.0.1');
  const bySocket = recorder().listen(join(folder, 'dapr-stock-http.socket'));
  beforeAll(async () => {
    for (const server of [byPort, bySocket]) if (!server.listening) await once(server, 'listening');
    const instance = {
      cliPid: process.pid,
      sidecarPid: process.pid,
      grpcPort: 1,
      command: [],
      resourcesPaths: [],
      configPaths: [],
      startedAt: '2026-01-01T00:00:00.000Z',
    };
    registry.add({ ...instance, appId: 'orders', httpPort: (byPort.address() as AddressInfo).port });
    registry.add({ ...instance, appId: 'stock', httpPort: 1, unixDomainSocket: folder });
  });
  afterAll(() => {
    for (const server of [byPort, bySocket]) server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const run = (...args: string[]) => capturedRun(args, env);
  const seen = async (...args: string[]) => JSON.parse((await run(...args)).stdout) as unknown;

  it('go to the sidecar of the app, with the body and a type that fits', async () => {
    expect(await seen('invoke', '-a', 'orders', '-m', '/a//b c?x=1', '-d', '{"n":1}')).toEqual({
      method: 'POST',
      url: '/v1.0/invoke/orders/method/a//b%20c?x=1',
      type: 'application/json',
      body: '{"n":1}',
    });
    expect(await seen('invoke', '-a', 'orders', '-m', 'b', '-v', 'put', '-d', 'plain')).toMatchObject({
      method: 'PUT',
      type: 'text/plain',
    });
    expect(await seen('invoke', '-a', 'orders', '-m', 'b', '-v', 'GET', '-d', 'also')).toMatchObject({ body: 'also' });
  });

  it('find a sidecar on a Unix socket, in the registry or by its folder', async () => {
    expect(await seen('invoke', '-a', 'stock', '-m', 'b')).toMatchObject({ url: '/v1.0/invoke/stock/method/b' });
    expect(await seen('invoke', '-a', 'stock', '-m', 'b', '-u', folder)).toMatchObject({ method: 'POST' });
  });

  it('carry the token of the API', async () => {
    const { stdout } = await capturedRun(['invoke', '-a', 'orders', '-m', 'b'], { ...env, DAPR_API_TOKEN: 'hush' });
    expect(JSON.parse(stdout)).toMatchObject({ token: 'hush' });
  });

  it('fail in one line that says what was answered, or that nobody is there', async () => {
    expect(await run('invoke', '-a', 'orders', '-m', 'missing')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'outrigger: orders answers 404 Not Found\n',
    });
    expect((await run('publish', '-p', 'refused', '-t', 't')).stderr).toBe(
      'outrigger: several apps run; name the one to go through: orders, stock\n',
    );
    expect((await run('publish', '-i', 'orders', '-p', 'unknown', '-t', 't')).stderr).toBe(
      'outrigger: cannot publish to t: 404 pubsub unknown is not found (ERR_PUBSUB_NOT_FOUND); it has: events\n',
    );
    expect((await run('publish', '-i', 'orders', '-p', 'refused', '-t', 't')).stderr).toBe(
      'outrigger: cannot publish to t: 403 no (ERR_X)\n',
    );
    expect((await run('invoke', '-a', 'absent', '-m', 'b')).stderr).toBe(
      'outrigger: no app "absent" runs; what does: orders, stock\n',
    );
    expect((await run('invoke', '-a', 'x', '-m', 'b', '-H', '1')).stderr).toBe(
      'outrigger: no sidecar answers at port 1; outrigger list shows what runs\n',
    );
    expect((await run('invoke', '-a', 'orders', '-m', 'b', '-v', 'FETCH')).stderr).toBe(
      'outrigger: --verb: there is no HTTP verb FETCH\n',
    );
    expect((await run('invoke', '-a', 'orders', '-m', 'b', '-d', 'x', '-f', 'y')).stderr).toBe(
      'outrigger: give --data or --data-file, not both\n',
    );
    expect((await run('invoke', '-a', 'orders', '-m', 'b', '-f', join(folder, 'none'))).stderr).toMatch(
      /^outrigger: --data-file: cannot read .*none: ENOENT\n$/,
    );
    expect(await run('invoke', '-a', 'orders')).toMatchObject({ code: 1, stdout: '' });
  });

  it('tell programs what was answered, and what was published', async () => {
    const told = async (...args: string[]) => JSON.parse((await run(...args, '-o', 'json')).stdout) as unknown;
    const about = { appId: 'orders', status: 200 };
    expect(await told('invoke', '-a', 'orders', '-m', 'typed')).toEqual({
      ...about,
      method: 'typed',
      contentType: 'application/json',
      data: { n: 1 },
    });
    expect(await told('invoke', '-a', 'orders', '-m', 'b', '-d', 'hi')).toMatchObject({
      ...about,
      contentType: '',
      data: expect.stringContaining('"body":"hi"'),
    });
    expect(await told('invoke', '-a', 'orders', '-m', 'binary')).toMatchObject({ ...about, dataBase64: '/wA=' });
    expect(await told('publish', '-i', 'orders', '-p', 'pubsub', '-t', 'a/b', '-d', 'hi')).toEqual({
      pubsub: 'pubsub',
      topic: 'a/b',
      contentType: 'text/plain',
    });
    const { code, stderr } = await run('invoke', '-a', 'orders', '-m', 'missing', '-o', 'json');
    expect([code, JSON.parse(stderr)]).toEqual([1, { error: 'orders answers 404 Not Found', exitCode: 1 }]);
  });

  it('publish a message with its metadata, and a CloudEvent as one', async () => {
    const file = join(folder, 'event.json');
    writeFileSync(file, '{"id":"1","source":"s","specversion":"1.0","type":"t","data":2}');
    const { port } = byPort.address() as AddressInfo;
    const requests: { url?: string | undefined; type?: string | undefined }[] = [];
    const note = ({ url, headers }: { url?: string; headers: NodeJS.Dict<string | string[]> }) =>
      void requests.push({ url, type: String(headers['content-type']) });
    byPort.on('request', note);
    const metadata = '{"ttlInSeconds":"60","rawPayload":true}';
    expect(await run('publish', '-i', 'orders', '-p', 'pubsub', '-t', 'a/b', '-d', 'hi', '-m', metadata)).toEqual({
      code: 0,
      stdout: 'published to a/b of pubsub\n',
      stderr: '',
    });
    expect((await run('publish', '-H', String(port), '-p', 'pubsub', '-t', 'c', '-f', file)).code).toBe(0);
    byPort.off('request', note);
    expect(requests).toEqual([
      {
        url: '/v1.0/publish/pubsub/a%2Fb?metadata.ttlInSeconds=60&metadata.rawPayload=true',
        type: 'text/plain',
      },
      { url: '/v1.0/publish/pubsub/c', type: 'application/cloudevents+json' },
    ]);
    expect((await run('publish', '-p', 'pubsub', '-t', 'c', '-m', '[1]')).stderr).toBe(
      `outrigger: --metadata has to be a JSON object, such as '{"ttlInSeconds": "60"}'; it is [1]\n`,
    );
  });
});
