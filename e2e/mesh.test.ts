import { once } from 'node:events';
import { connect } from 'node:net';

import { CommunicationProtocolEnum, DaprClient, HttpMethod } from '@dapr/dapr';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type HostileRequest, hostileRequests } from './mesh/hostile-requests.ts';
import { Canoes, type MeshScene, startMesh } from './mesh/scene.ts';
import type { Sidecar } from './processes/sidecar.ts';

const denied = (caller: string, operation: string, verb: string): string =>
  `access control policy has denied access to appid: ${caller} operation: ${operation} verb: ${verb}`;

describe('four apps with mutual TLS and access rules', () => {
  let mesh: MeshScene;
  beforeAll(async () => void (mesh = await startMesh({ mtls: true })), 120_000);
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  it('may make the calls that are allowed', async () => {
    const order = await mesh.shop.post('/v1.0/invoke/orders/method/orders/7', {});
    expect([order.status, await order.json()]).toEqual([200, { url: '/orders/7', caller: 'shop' }]);
    expect((await mesh.shop.fetch('/v1.0/invoke/orders/method/PUBLIC/a/b')).status).toBe(200);
    expect((await mesh.trusted.fetch('/v1.0/invoke/orders/method/anything', { method: 'DELETE' })).status).toBe(200);
  });

  it('may make them with the SDK', async () => {
    const client = new DaprClient({
      daprHost: '127.0.0.1',
      daprPort: String(mesh.shop.httpPort),
      communicationProtocol: CommunicationProtocolEnum.HTTP,
    });
    expect(await client.invoker.invoke('orders', 'orders', HttpMethod.GET)).toEqual({ url: '/orders', caller: 'shop' });
    await expect(client.invoker.invoke('orders', 'admin', HttpMethod.GET)).rejects.toThrow('denied access');
    await client.stop();
  });

  it.each([
    ['shop', 'PUT', 'orders'],
    ['shop', 'GET', 'other'],
    ['shop', 'GET', 'admin'],
    ['trusted', 'GET', 'admin/keys'],
  ] as const)('are refused others with 403: %s, %s %s', async (caller, method, path) => {
    const before = mesh.arrived.length;
    const answer = await mesh[caller].fetch(`/v1.0/invoke/orders/method/${path}`, { method });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toEqual({
      errorCode: 'ERR_DIRECT_INVOKE',
      message: `failed to invoke, id: orders, err: rpc error: code = PermissionDenied desc = ${denied(caller, path, method)}`,
    });
    expect(mesh.arrived).toHaveLength(before);
  });

  it('are refused gRPC methods with PERMISSION_DENIED', async () => {
    const client = new Canoes(`127.0.0.1:${mesh.shop.grpcPort}`, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set('dapr-app-id', 'ledger');
    metadata.set('dapr-caller-app-id', 'trusted');
    const call = (method: string) =>
      new Promise<ServiceError | null>((resolve) => {
        client.makeUnaryRequest(
          `/canoes.v1.Canoes/${method}`,
          (value: Buffer) => value,
          (value: Buffer) => value,
          Buffer.alloc(0),
          metadata,
          resolve,
        );
      });
    expect(await call('Get')).toBeNull();
    for (const method of ['List', 'get', 'Load', 'Get/..', 'Get%2F']) {
      expect(await call(method)).toMatchObject({
        code: status.PERMISSION_DENIED,
        details: denied('shop', `/canoes.v1.Canoes/${method}`, 'NONE'),
      });
    }
    expect(mesh.booked).toEqual(['Get']);
    client.close();
  });

  it('refuse who has no policy, also of another namespace', { timeout: 60_000 }, async () => {
    await using intruder = await mesh.start({ appId: 'intruder' });
    expect((await intruder.fetch('/v1.0/invoke/orders/method/orders')).status).toBe(403);
    await using namesake = await mesh.start({ appId: 'shop', env: { NAMESPACE: 'staging' } });
    const answer = await namesake.fetch('/v1.0/invoke/orders.default/method/orders');
    expect(answer.status).not.toBe(200);
  });

  it.each(['shop', 'trusted'] as const)('let no trick of %s through', { timeout: 60_000 }, async (caller) => {
    expect(hostileRequests.length).toBeGreaterThanOrEqual(200);
    mesh.arrived.length = 0;
    const answers = await Promise.all(hostileRequests.map((request) => raw(mesh[caller], request)));
    expect(answers.filter((answer) => !/^HTTP\/1\.1 [2345]\d\d /.test(answer) && answer !== '')).toEqual([]);
    // some say nothing of /admin once they are read; the rest is refused
    expect(mesh.arrived).not.toEqual([]);
    expect(mesh.arrived.filter(isForbidden)).toEqual([]);
    // and the sidecars are still there
    expect((await mesh[caller].fetch('/v1.0/invoke/orders/method/public/x')).status).toBe(200);
  });
});

describe('access rules without mutual TLS', () => {
  let mesh: MeshScene;
  beforeAll(async () => void (mesh = await startMesh({ mtls: false })), 120_000);
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  it('know nobody, so that what is said for everybody counts', async () => {
    const headers = { 'dapr-caller-app-id': 'shop', 'dapr-caller-namespace': 'default' };
    const answer = await mesh.shop.fetch('/v1.0/invoke/orders/method/orders', { headers });
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain(denied('', 'orders', 'GET'));
    expect(mesh.arrived).toEqual([]);
  });
});

/** Sends the request as it is written, and hands back what comes. */
async function raw(sidecar: Sidecar, { headers = [], line }: HostileRequest): Promise<string> {
  const socket = connect(sidecar.httpPort, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  const host = headers.some((header) => /^host:/i.test(header)) ? [] : ['host: 127.0.0.1'];
  socket.write(
    Buffer.from([`${line} HTTP/1.1`, ...host, ...headers, 'connection: close', '', ''].join('\r\n'), 'latin1'),
  );
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

/** Whether an app that decodes and cleans all that it gets would take this for `/admin`. */
function isForbidden(arrived: string): boolean {
  let path = arrived.slice(arrived.indexOf(' ') + 1).split('?')[0] ?? '';
  for (let layer = 0; layer < 5; layer++) {
    try {
      path = decodeURIComponent(path);
    } catch {
      break;
    }
  }
  const { pathname } = new URL(path.replaceAll(/;[^/]*/g, '').replace(/^\/+/, '/'), 'http://app');
  return /^\/+admin(?:[/.? ]|$)/i.test(pathname);
}
