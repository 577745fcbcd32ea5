import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { CommunicationProtocolEnum, DaprClient, DaprServer, LogLevel } from '@dapr/dapr';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { freePorts } from '../processes/ports.ts';
import { Sidecar } from '../processes/sidecar.ts';
import { Workspace } from '../processes/workspace.ts';

const logger = { level: LogLevel.Error };

const component = (name: string, type: string, metadata: Record<string, string>) => {
  const fields = Object.entries(metadata).map(([field, value]) => `    - { name: ${field}, value: "${value}" }\n`);
  return `apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: { name: ${name} }\nspec:\n  type: ${type}\n  version: v1\n  metadata:\n${fields.join('')}---\n`;
};

describe.each([
  ['HTTP', CommunicationProtocolEnum.HTTP],
  ['gRPC', CommunicationProtocolEnum.GRPC],
])('bindings through the official JS SDK over %s', (protocol, communicationProtocol) => {
  const workspace = new Workspace();
  const stack = new AsyncDisposableStack();
  const files = join(workspace.path, 'files');
  const ticks: unknown[] = [];
  let client: DaprClient;
  let sidecar: Sidecar;

  beforeAll(async () => {
    const far = createServer((request, response) => {
      response.writeHead(request.url === '/missing' ? 404 : 200, {
        'content-type': 'application/json',
        'x-far': 'yes',
      });
      response.end(JSON.stringify({ method: request.method, url: request.url }));
    });
    await new Promise<void>((resolve) => far.listen(0, '127.0.0.1', resolve));
    stack.defer(() => {
      far.close();
      far.closeAllConnections();
    });
    workspace.file(
      'bindings.yaml',
      component('clock', 'bindings.cron', { schedule: '@every 100ms' }) +
        component('unwanted', 'bindings.cron', { schedule: '@every 50ms' }) +
        component('files', 'bindings.localstorage', { rootPath: files }) +
        component('far', 'bindings.http', { url: `http://127.0.0.1:${(far.address() as AddressInfo).port}` }),
    );
    const [appPort = 0, httpPort = 0, grpcPort = 0] = await freePorts(3);
    const sidecarPort = protocol === 'HTTP' ? httpPort : grpcPort;
    const server = new DaprServer({
      serverHost: '127.0.0.1',
      serverPort: String(appPort),
      communicationProtocol,
      clientOptions: { daprHost: '127.0.0.1', daprPort: String(sidecarPort), logger },
      logger,
    });
    client = new DaprClient({ daprHost: '127.0.0.1', daprPort: String(sidecarPort), communicationProtocol, logger });
    await server.binding.receive('clock', async (data: unknown) => {
      ticks.push(data);
      await send('files', 'create', { tick: ticks.length }, { fileName: `tick-${ticks.length}.json` });
    });
    const starting = server.start();
    sidecar = stack.use(
      await Sidecar.start({
        appId: 'binder',
        appPort,
        httpPort,
        grpcPort,
        resourcesPath: workspace.path,
        args: ['--app-protocol', protocol.toLowerCase()],
      }),
    );
    await starting;
    stack.defer(() => server.stop());
    stack.defer(() => client.stop());
  });
  afterAll(async () => {
    await stack.disposeAsync();
    workspace[Symbol.dispose]();
  });

  /** The answer's data: the SDK gives them over HTTP alone, and over gRPC as bytes among other things. */
  async function send(name: string, operation: string, data?: object | string, metadata?: object): Promise<unknown> {
    const answer: unknown = await client.binding.send(name, operation, data, metadata);
    if (protocol === 'HTTP') return answer;
    const text = Buffer.from((answer as { data: Uint8Array }).data).toString();
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  }

  it('a schedule calls the app, which writes a file each time', async () => {
    const file = join(files, 'tick-2.json');
    await vi.waitFor(() => expect(existsSync(file) && readFileSync(file, 'utf8')).toBe('{"tick":2}'), 60_000);
    expect(await send('files', 'get', undefined, { fileName: 'tick-1.json' })).toEqual({ tick: 1 });
    expect(sidecar.output).toContain('app has not subscribed to binding unwanted');
  });

  it('texts come as they are, and files can be listed and deleted', async () => {
    await send('files', 'create', 'a text, with "quotes"', { fileName: 'texts/one.txt' });
    expect(readFileSync(join(files, 'texts/one.txt'), 'utf8')).toBe('a text, with "quotes"');
    expect(await send('files', 'list', undefined, { fileName: 'texts' })).toEqual([join(files, 'texts/one.txt')]);
    await send('files', 'delete', undefined, { fileName: 'texts/one.txt' });
    expect(existsSync(join(files, 'texts/one.txt'))).toBe(false);
  });

  it('an HTTP endpoint answers with body, status and headers, also when that is an error', async () => {
    expect(await send('far', 'get', undefined, { path: '/a?b=c' })).toEqual({
      method: 'GET',
      url: '/a?b=c',
    });
    const found = await sidecar.post('/v1.0/bindings/far', { operation: 'create', data: {} });
    expect([found.headers.get('metadata.status'), found.headers.get('metadata.x-far')]).toEqual(['200 OK', 'yes']);
    const missing = await sidecar.post('/v1.0/bindings/far', { operation: 'get', metadata: { path: 'missing' } });
    expect(missing.status).toBe(500);
    expect(missing.headers.get('metadata.statuscode')).toBe('404');
    expect(await missing.json()).toEqual({
      errorCode: 'ERR_INVOKE_OUTPUT_BINDING',
      message: 'error invoking output binding far: received status code 404',
    });
  });

  it('the metadata API tells which are inputs and which are outputs', async () => {
    const { components } = (await (await sidecar.fetch('/v1.0/metadata')).json()) as {
      components: { name: string; capabilities: string[] }[];
    };
    const capabilities = Object.fromEntries(components.map((one) => [one.name, one.capabilities]));
    expect(capabilities).toMatchObject({
      clock: ['INPUT_BINDING'],
      files: ['OUTPUT_BINDING'],
      far: ['OUTPUT_BINDING'],
    });
  });

  it('at the end no event is cut off', async () => {
    const end = await sidecar.stop();
    expect(end).toEqual({ code: 0, signal: null });
    expect(existsSync(join(files, `tick-${ticks.length}.json`))).toBe(true);
    expect(sidecar.output).not.toMatch(/handling an event of binding clock failed/);
  });
});
