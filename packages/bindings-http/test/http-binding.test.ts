import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BindingError, type BindingResponse, type Logger, silentLogger } from '@outrigger/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { authority, clientCertificate, clientKey, serverCertificate, serverKey } from './certificates.ts';
import { createBinding } from './create.ts';
import { webServer } from './web-server.ts';

const never = new AbortController().signal;

async function bindingTo(properties: Record<string, string>, logger?: Logger) {
  const binding = await createBinding(properties, logger);
  onTestFinished(() => binding[Symbol.asyncDispose]());
  return (
    operation: string,
    metadata: Record<string, string> = {},
    data = '',
    signal = never,
  ): Promise<BindingResponse> => {
    if (binding.invoke === undefined) throw new Error('it is no output');
    return binding.invoke({ operation, data: Buffer.from(data), metadata }, signal);
  };
}

const textOf = ({ data }: BindingResponse) => Buffer.from(data ?? []).toString();

describe('a request', () => {
  test.each([
    ['create', 'POST', 'x'],
    ['post', 'POST', 'x'],
    ['put', 'PUT', 'x'],
    ['patch', 'PATCH', 'x'],
    ['get', 'GET', ''],
    ['head', 'HEAD', ''],
    ['delete', 'DELETE', ''],
    ['options', 'OPTIONS', ''],
    ['trace', 'TRACE', ''],
  ])('of operation %s is a %s with the body %j', async (operation, method, body) => {
    const { url, received } = await webServer();
    await (
      await bindingTo({ url: `${url}/base` })
    )(operation, {}, 'x');
    expect(received).toMatchObject([{ method, url: '/base', body }]);
    const json = 'application/json; charset=utf-8';
    expect(received[0]?.headers).toMatchObject({ accept: json });
    expect(received[0]?.headers['content-type']).toBe(body === '' ? undefined : json);
  });

  test.each([
    ['/base/', '/a?b=c', '/base/a?b=c'],
    ['/base', 'a', '/base/a'],
    ['', '//a', '/a'],
    ['/base?key=1', '', '/base?key=1'],
  ])('to %s with the path %j goes to %s', async (base, path, target) => {
    const { url, received } = await webServer();
    await (
      await bindingTo({ url: url + base })
    )('get', { path });
    expect(received.map((request) => request.url)).toEqual([target]);
  });

  test('has metadata that begin with a capital letter as headers, and the trace', async () => {
    const { url, received } = await webServer();
    const invoke = await bindingTo({ url });
    await invoke(
      'post',
      {
        'Content-Type': 'text/plain',
        Accept: '*/*',
        'X-Own': 'own',
        'x-other': 'other',
        Traceparent: 'mine',
        traceparent: 'theirs',
        tracestate: 'a=b',
        baggage: 'c=d',
        Host: 'elsewhere',
        'Content-Length': '999',
        Connection: 'upgrade',
        Upgrade: 'websocket',
      },
      'x',
    );
    const headers = received[0]?.headers ?? {};
    expect(headers).toMatchObject({
      'content-type': 'text/plain',
      accept: '*/*',
      'x-own': 'own',
      traceparent: 'theirs',
      tracestate: 'a=b',
      baggage: 'c=d',
      host: new URL(url).host,
      'content-length': '1',
    });
    expect(headers).not.toHaveProperty('x-other');
    expect(headers).not.toHaveProperty('upgrade');
  });

  test('whose header holds a line break is refused', async () => {
    const { url, received } = await webServer();
    const invoke = await bindingTo({ url });
    await expect(invoke('get', { 'X-Own': 'a\r\nX-Evil: b' })).rejects.toMatchObject({ code: 'invalid-argument' });
    expect(received).toEqual([]);
  });

  test('carries the security token, but to no other server', async () => {
    const away = await webServer();
    const home = await webServer(({ url }, response) => {
      const location = url === '/away' ? `${away.url}/there` : '/home';
      if (url === '/home') response.end('here');
      else response.writeHead(302, { location }).end();
    });
    const invoke = await bindingTo({ url: home.url, securityToken: 't0ken', securityTokenHeader: 'X-Token' });
    expect(textOf(await invoke('get', { path: 'start' }))).toBe('here');
    await invoke('get', { path: 'away' });
    expect(home.received.map(({ headers }) => headers['x-token'])).toEqual(['t0ken', 't0ken', 't0ken']);
    expect(away.received.map(({ url, headers }) => [url, headers['x-token']])).toEqual([['/there', undefined]]);
  });

  test('leaves its login and cookies at the server that they are for', async () => {
    const away = await webServer();
    const home = await webServer((_, response) => void response.writeHead(307, { location: away.url }).end());
    const invoke = await bindingTo({ url: home.url.replace('//', '//user:pass@') });
    await invoke('post', { Cookie: 'a=b', 'X-Own': 'own' }, 'x');
    expect(away.received).toMatchObject([{ method: 'POST', body: 'x', headers: { 'x-own': 'own' } }]);
    expect(away.received[0]?.headers).not.toHaveProperty('authorization');
    expect(away.received[0]?.headers).not.toHaveProperty('cookie');
  });

  test.each([
    [301, 'post', 'GET'],
    [302, 'put', 'GET'],
    [303, 'delete', 'GET'],
    [303, 'head', 'HEAD'],
    [307, 'put', 'PUT'],
    [308, 'post', 'POST'],
  ])('redirected with %i: %s becomes %s, also at the same URL', async (status, operation, method) => {
    const { url, received } = await webServer((_, response) => {
      if (received.length === 1) response.writeHead(status, { location: '/orders' }).end('not there');
      else response.end('here');
    });
    const answer = await (await bindingTo({ url }))(operation, { path: 'orders' }, 'x');
    expect(answer.metadata).toMatchObject({ statusCode: '200' });
    const body = method === 'PUT' || method === 'POST' ? 'x' : '';
    expect(received[1]).toMatchObject({ method, url: '/orders', body });
    expect(received[1]?.headers['content-type'] !== undefined).toBe(body !== '');
  });

  test.each(['ftp://127.0.0.1/x', 'http://[bad'])('redirected to %s has failed', async (location) => {
    const { url } = await webServer((_, response) => void response.writeHead(302, { location }).end());
    await expect((await bindingTo({ url }))('get')).rejects.toMatchObject({
      code: 'internal',
      message: `${url} redirects to what is no URL of http or https`,
    });
  });

  test('has the name and password of the URL', async () => {
    const { url, received } = await webServer();
    await (
      await bindingTo({ url: url.replace('//', '//user:p%40ss@') })
    )('get');
    expect(received[0]?.headers.authorization).toBe(`Basic ${Buffer.from('user:p@ss').toString('base64')}`);
  });
});

describe('an answer', () => {
  test('comes with its status and headers', async () => {
    const { url } = await webServer((_, response) => {
      response.writeHead(201, [
        ['content-type', 'text/plain'],
        ['x-more', 'a'],
        ['x-more', 'b'],
      ] as never);
      response.end('made');
    });
    const answer = await (await bindingTo({ url }))('post', {}, 'x');
    expect(textOf(answer)).toBe('made');
    expect(answer.metadata).toMatchObject({
      statusCode: '201',
      status: '201 Created',
      'Content-Type': 'text/plain',
      'X-More': 'a, b',
    });
  });

  test('keeps its status last, lest a header of that name hides it where case does not count', async () => {
    const { url } = await webServer((_, response) => void response.writeHead(200, { statuscode: '500' }).end());
    const { metadata = {} } = await (await bindingTo({ url }))('get');
    const ofThatName = Object.entries(metadata).filter(([name]) => name.toLowerCase() === 'statuscode');
    expect(ofThatName.at(-1)).toEqual(['statusCode', '200']);
  });

  test.each([
    [404, 'not-found'],
    [400, 'invalid-argument'],
    [429, 'unavailable'],
    [503, 'unavailable'],
  ])('with status %i is an error, with what it says', async (status, code) => {
    const { url } = await webServer((_, response) => void response.writeHead(status, { 'x-why': 'so' }).end('no'));
    const error: unknown = await (await bindingTo({ url }))('get').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code, message: `received status code ${status}` });
    expect(BindingError.is(error) && error.metadata).toMatchObject({ statusCode: String(status), 'X-Why': 'so' });
  });

  test.each([
    [{ errorIfNot2XX: 'false' }, {}, false],
    [{ errorIfNot2XX: 'false' }, { errorIfNot2XX: 'true' }, true],
    [{}, { errorIfNot2XX: 'false' }, false],
    [{}, { errorIfNot2XX: '' }, true],
  ])('with status 500 is an error where %j and %j say so', async (component, request, isError) => {
    const { url } = await webServer((_, response) => void response.writeHead(500).end('broken'));
    const invoke = await bindingTo({ url, ...component });
    const call = invoke('get', request);
    if (isError) await expect(call).rejects.toMatchObject({ message: 'received status code 500' });
    else expect(textOf(await call)).toBe('broken');
  });

  test('is read as far as maxResponseBodySize, which is said in the log', async () => {
    const warnings: string[] = [];
    const { url } = await webServer((_, response) => void response.end('x'.repeat(300_000)));
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    const invoke = await bindingTo({ url, maxResponseBodySize: '1Ki' }, logger);
    expect((await invoke('get')).data).toHaveLength(1024);
    expect(warnings.join()).toMatch(/binding web: .*maxResponseBodySize/);
    for (const maxResponseBodySize of ['0', '-1']) {
      expect((await (await bindingTo({ url, maxResponseBodySize }))('get')).data).toHaveLength(300_000);
    }
  });

  test('that does not come in time is a failure that says so', async () => {
    const { url } = await webServer((_, response) => void response.write('begun'));
    const invoke = await bindingTo({ url, responseTimeout: '50ms' });
    await expect(invoke('get')).rejects.toMatchObject({
      code: 'deadline-exceeded',
      message: expect.stringContaining('responseTimeout') as string,
    });
  });

  test('is not waited for when the caller has gone', async () => {
    const { url } = await webServer(() => {});
    const invoke = await bindingTo({ url });
    await expect(invoke('get', {}, '', AbortSignal.timeout(20))).rejects.toThrow(/timeout/);
  });

  test('that leads in circles ends', async () => {
    const { url } = await webServer((request, response) => {
      response.writeHead(302, { location: `${request.url}x` }).end();
    });
    await expect((await bindingTo({ url }))('get')).rejects.toMatchObject({ message: 'received status code 302' });
  });
});

test('a server that is not there is named, and nothing else of its URL: any part may be a secret', async () => {
  const invoke = await bindingTo({ url: 'http://user:hunter2@127.0.0.1:1/hunter2?key=hunter2' });
  const error: unknown = await invoke('get').catch((caught: unknown) => caught);
  expect(error).toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/^GET http:\/\/127\.0\.0\.1:1 failed: /) as string,
  });
  expect((error as Error).message).not.toContain('hunter2');
});

test.each(['ftp://host', 'host:80', 'http://', 'http://user:100%@host'])('the URL %s is refused', async (url) => {
  await expect(createBinding({ url })).rejects.toMatchObject({ code: 'invalid-argument' });
});

describe('TLS', () => {
  const tls = { cert: serverCertificate, key: serverKey };
  const mutual = { ...tls, ca: authority, requestCert: true, rejectUnauthorized: true };

  test('a server is trusted when MTLSRootCA has signed its certificate', async () => {
    const { url } = await webServer((_, response) => void response.end('safe'), tls);
    expect(textOf(await (await bindingTo({ url, MTLSRootCA: authority }))('get'))).toBe('safe');
    await expect((await bindingTo({ url }))('get')).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('the client shows its certificate, given as text or as files', async () => {
    const { url } = await webServer((_, response) => void response.end('welcome'), mutual);
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-tls-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [cert, key] = [join(folder, 'client.pem'), join(folder, 'client.key')];
    writeFileSync(cert, clientCertificate);
    writeFileSync(key, clientKey);
    for (const own of [
      { MTLSClientCert: clientCertificate, MTLSClientKey: clientKey },
      { MTLSClientCert: cert, MTLSClientKey: key, MTLSRenegotiation: 'RenegotiateNever' },
    ]) {
      expect(textOf(await (await bindingTo({ url, MTLSRootCA: authority, ...own }))('get'))).toBe('welcome');
    }
    await expect((await bindingTo({ url, MTLSRootCA: authority }))('get')).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  test.each([
    [{ MTLSClientCert: clientCertificate }, /MTLSClientCert needs MTLSClientKey/],
    [{ MTLSClientKey: clientKey }, /MTLSClientKey needs MTLSClientCert/],
    [{ MTLSRootCA: '/no/such/file' }, /MTLSRootCA is neither PEM text nor the path of a file/],
    [{ MTLSRootCA: '-----BEGIN CERTIFICATE-----\nbroken' }, /MTLSRootCA cannot be used/],
    [{ MTLSClientCert: clientCertificate, MTLSClientKey: serverKey }, /MTLSClientKey cannot be used/],
  ])('what cannot be used is refused at the start', async (properties, message) => {
    await expect(createBinding({ url: 'https://host', ...properties })).rejects.toThrow(message);
  });
});
