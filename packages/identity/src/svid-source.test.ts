import type { Logger } from '@outrigger/core';
import { GrpcError } from '@outrigger/grpc';
import { type Metrics, noMetrics } from '@outrigger/runtime';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { optionsOf } from '../test/mtls-scene.ts';
import { type SentryBehaviour, type TestAuthority, TestSentry } from '../test/testing.ts';
import { Sentry } from './sentry-client.ts';
import { SvidSource } from './svid-source.ts';
import { x509 } from './x509.ts';

const never = new AbortController().signal;

async function scene(behaviour: SentryBehaviour = {}) {
  const sentry = await TestSentry.start(behaviour);
  onTestFinished(() => sentry[Symbol.asyncDispose]());
  const lines: string[] = [];
  const counted: string[] = [];
  const log = (level: string) => (text: string) => void lines.push(`${level}: ${text}`);
  const logger: Logger = {
    isEnabled: () => true,
    debug: () => {},
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
  };
  const metrics: Metrics = {
    ...noMetrics,
    count: (name, labels) => void counted.push(labels?.['reason'] === undefined ? name : `${name} ${labels['reason']}`),
  };
  const options = optionsOf(sentry, 'shop', { logger, metrics });
  const start = async (more: { startTimeout?: number; authority?: TestAuthority } = {}) => {
    const source = await SvidSource.start({ ...options, ...more, sentry: new Sentry(options) }, never);
    onTestFinished(() => source[Symbol.asyncDispose]());
    return source;
  };
  return { sentry, lines, counted, options, start };
}

describe('an SVID', () => {
  it('is asked for with a new key and nothing else, as Dapr’s authority wants it', async () => {
    const { sentry, start, counted } = await scene();
    const { current } = await start();
    expect(current.id.toString()).toBe('spiffe://public/ns/default/shop');
    const [request] = sentry.requests;
    expect(request).toMatchObject({ id: 'shop', namespace: 'default', token: '', tokenValidator: 0 });
    const pem = request?.certificateSigningRequest.toString() ?? '';
    expect(pem).toMatch(/^-----BEGIN CERTIFICATE REQUEST-----\n/);
    const csr = new x509.Pkcs10CertificateRequest(pem);
    expect([csr.subject, csr.extensions.length, csr.publicKey.algorithm.name]).toEqual(['', 0, 'Ed25519']);
    expect(await csr.verify()).toBe(true);
    expect(counted).toEqual(['dapr_runtime_mtls_init_total']);
  });

  it('is renewed at half of its life, with another key', async () => {
    const { sentry, start, counted } = await scene({ ttl: 4000 });
    const source = await start();
    const { key } = source.current;
    const renewed = vi.fn<() => void>();
    source.onChange(renewed);
    await expect.poll(() => renewed.mock.calls.length).toBeGreaterThan(0);
    expect(source.current.key).not.toBe(key);
    expect(sentry.requests.length).toBeGreaterThan(1);
    expect(counted).toContain('dapr_runtime_mtls_workload_cert_rotated_total');
  });

  it('stays while it cannot be renewed, with one warning and one line when that is over', async () => {
    const { sentry, start, lines, counted } = await scene({ ttl: 8000 });
    const source = await start();
    const { key } = source.current;
    sentry.behaviour.failure = new GrpcError('UNAVAILABLE', 'closed for today');
    await expect.poll(() => sentry.requests.length).toBeGreaterThan(2);
    expect(source.current.key).toBe(key);
    sentry.behaviour.failure = undefined;
    await expect.poll(() => source.current.key).not.toBe(key);
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([
      expect.stringMatching(/not renewed, trying again: .*UNAVAILABLE: closed for today; there is still/),
    ]);
    expect(lines.at(-1)).toMatch(/info: there is a new certificate of this sidecar.*failed attempts/);
    expect(counted).toContain('dapr_runtime_mtls_workload_cert_rotated_fail_total sign');
  });

  it('and its key are in no line of the log', async () => {
    const { start, lines } = await scene();
    const source = await start();
    expect(lines.join('\n')).not.toContain('PRIVATE KEY');
    expect(JSON.stringify(source)).not.toContain('PRIVATE KEY');
  });
});

describe('the start', () => {
  it('waits for an authority that is not there yet', async () => {
    const { sentry, start, lines } = await scene({ failure: new GrpcError('UNAVAILABLE', 'starting') });
    const starting = start();
    await expect.poll(() => lines.some((line) => line.startsWith('warn'))).toBe(true);
    sentry.behaviour.failure = undefined;
    expect((await starting).current.id.app?.appId).toBe('shop');
  });

  it('fails at once when the authority refuses', async () => {
    const { start, counted } = await scene({ failure: new GrpcError('PERMISSION_DENIED', 'who are you?') });
    await expect(start()).rejects.toThrow(/no certificate for this sidecar.*PERMISSION_DENIED: who are you\?/);
    expect(counted).toEqual(['dapr_runtime_mtls_init_fail_total sign']);
  });

  it('fails when it is not the authority that answers', async () => {
    const { sentry, counted } = await scene();
    const thief = await TestSentry.start({}, sentry.authority, 'spiffe://public/ns/default/thief');
    onTestFinished(() => thief[Symbol.asyncDispose]());
    const options = optionsOf(thief, 'shop');
    const start = SvidSource.start({ ...options, sentry: new Sentry(options) }, never);
    await expect(start).rejects.toThrow(/it has to be of spiffe:\/\/localhost\/ns\/default\/dapr-sentry/);
    expect(thief.requests).toEqual([]);
    expect(counted).toEqual([]);
  });

  it.each<[string, SentryBehaviour, RegExp]>([
    [
      'of another app',
      { uris: ['spiffe://public/ns/default/admin'] },
      /has certified spiffe:\/\/public\/ns\/default\/admin/,
    ],
    ['of another namespace', { uris: ['spiffe://public/ns/prod/shop'] }, /not \/ns\/default\/shop/],
    ['of nobody', { uris: [] }, /no SPIFFE id/],
    ['that is over', { ttl: -5000 }, /has expired .*compare the clocks/],
  ])('fails with a certificate %s', async (_what, behaviour, reason) => {
    const { start } = await scene(behaviour);
    await expect(start()).rejects.toThrow(reason);
  });
});
