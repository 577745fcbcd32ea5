import { GrpcClient, type PeerTls } from '@outrigger/grpc/client';
import { GrpcError } from '@outrigger/grpc';
import { TestSentry } from '@outrigger/identity/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { callUnderLoad } from './mtls/load.ts';
import { type Scene, startScene } from './mtls/scene.ts';
import { Sidecar } from './processes/sidecar.ts';
import { configFile } from './processes/workspace.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await startScene({ ttl: 8000 });
}, 120_000);
afterAll(() => scene?.[Symbol.asyncDispose]());

describe('sidecars with --enable-mtls', () => {
  it('call each other’s apps', async () => {
    const answer = await scene.shop.post('/v1.0/invoke/orders/method/pay', { amount: 1 });
    expect(await answer.json()).toEqual({ method: 'POST', url: '/pay', caller: 'shop', body: '{"amount":1}' });
  });

  it('lose no call while their certificates are renewed every few seconds', { timeout: 120_000 }, async () => {
    const before = scene.sentry.requests.length;
    const { calls, failures } = await callUnderLoad({
      caller: scene.shop,
      appId: 'orders',
      duration: 15_000,
      connections: 8,
    });
    expect(failures).toEqual([]);
    expect(calls).toBeGreaterThan(50);
    expect(scene.sentry.requests.length - before).toBeGreaterThanOrEqual(4);
  });

  it('and one without do not talk to each other, and say what to do', { timeout: 120_000 }, async () => {
    await using plain = await Sidecar.start({ appId: 'plain', config: configFile, env: scene.workspace.env });
    const refused = await plain.fetch('/v1.0/invoke/orders/method/x');
    expect(refused.status).toBe(500);
    expect(await refused.json()).toMatchObject({
      message: expect.stringMatching(
        /^failed to invoke, id: orders, err: rpc error: code = Unavailable desc = no connection to [\d.:]+: the server ended it: the called sidecar has --enable-mtls; start the calling one with --enable-mtls, too$/,
      ),
    });
    await scene.orders.line(/does not speak TLS.*--enable-mtls/);
    const other = await scene.shop.fetch('/v1.0/invoke/plain/method/x');
    expect(other.status).toBe(500);
    expect(await other.json()).toMatchObject({
      message: expect.stringMatching(
        /^failed to invoke, id: plain, err: rpc error: code = Unavailable desc = no connection to [\d.:]+: it does not speak TLS, and this sidecar has --enable-mtls; start the other sidecar with --enable-mtls, or both without$/,
      ),
    });
    await plain.line(/does not speak HTTP\/2.*--enable-mtls/);
  });
});

describe('a sidecar is refused', () => {
  it('whose certificate is of another trust domain', { timeout: 120_000 }, async () => {
    const elsewhere = scene.workspace.file(
      'elsewhere.yaml',
      `apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: { name: elsewhere }
spec: { accessControl: { trustDomain: elsewhere } }
`,
    );
    await using stranger = await scene.start({ appId: 'stranger', args: ['--config', elsewhere] });
    const answer = await stranger.fetch('/v1.0/invoke/orders/method/x');
    expect(answer.status).toBe(500);
    expect(await answer.text()).toContain('its trust domain is not \\"elsewhere\\"');
    const other = await scene.shop.fetch('/v1.0/invoke/stranger/method/x');
    expect(await other.text()).toContain('its trust domain is not \\"public\\"');
  });

  it('whose certificate is of another authority', { timeout: 120_000 }, async () => {
    await using authority = await TestSentry.start();
    await using forger = await scene.start({ appId: 'shop2' }, authority);
    const answer = await forger.fetch('/v1.0/invoke/orders/method/x');
    expect(answer.status).toBe(500);
    expect(await answer.text()).toContain('not issued under the trust anchors');
  });

  it('whose certificate has expired', { timeout: 120_000 }, async () => {
    await using authority = await TestSentry.start({ ttl: 6000 }, scene.sentry.authority);
    await using stale = await scene.start({ appId: 'stale' }, authority);
    authority.behaviour.failure = new GrpcError('UNAVAILABLE', 'closed for today');
    await stale.line(/was not renewed.*it has expired/, 60_000);
    await expect
      .poll(async () => (await stale.fetch('/v1.0/invoke/orders/method/x')).text(), { timeout: 30_000, interval: 500 })
      .toContain('it has expired');
  });

  it('with a stolen certificate, once that has expired', async () => {
    const { cert, key } = await scene.sentry.authority.issue({
      uris: ['spiffe://public/ns/default/shop'],
      notBefore: new Date(0),
      notAfter: new Date(86_400_000),
    });
    const [, port] = await scene.orders.line(/internal gRPC on port (\d+)/);
    const credentials = { cert, key, ca: scene.sentry.authority.root };
    const tls: PeerTls = {
      credentials: () => credentials,
      verify: () => ({ identity: undefined, validUntil: Infinity }),
    };
    const client = new GrpcClient({ address: `127.0.0.1:${port}`, tls });
    await expect(client.connected()).rejects.toThrow('it has expired');
    client.close();
  });
});

describe('without a certificate', () => {
  const launch = (args: readonly string[], env: Record<string, string>): Promise<Sidecar> =>
    Sidecar.launch({ appId: 'lonely', config: configFile, args, env: { ...scene.workspace.env, ...env } });

  it('no API is served', async () => {
    const env = { DAPR_TRUST_ANCHORS: scene.sentry.authority.root };
    await using sidecar = await launch(['--enable-mtls', '--sentry-address', '127.0.0.1:1'], env);
    await sidecar.line(/there is no certificate yet, trying again/);
    await expect(sidecar.fetch('/v1.0/healthz/outbound')).rejects.toThrow('fetch failed');
  });

  it('and no trust anchors the sidecar says what it needs, and ends', async () => {
    await using sidecar = await launch(['--enable-mtls', '--sentry-address', scene.sentry.address], {});
    expect((await sidecar.exited).code).toBe(1);
    expect(sidecar.output).toContain('DAPR_TRUST_ANCHORS_FILE');
  });
});
