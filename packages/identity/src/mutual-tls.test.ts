import { connect as connectTls } from 'node:tls';

import { ComponentError } from '@outrigger/core';
import type { PeerTls } from '@outrigger/grpc/client';
import { testService } from '@outrigger/grpc/testing';
import { describe, expect, it, onTestFinished } from 'vitest';

import { clientOf, echo, serve, startMutualTls } from '../test/mtls-scene.ts';
import { type IssueOptions, type SentryBehaviour, TestAuthority, TestSentry } from '../test/testing.ts';
import type { TrustAnchors } from './trust-anchors.ts';

async function startSentry(behaviour?: SentryBehaviour, authority?: TestAuthority): Promise<TestSentry> {
  const sentry = await TestSentry.start(behaviour, authority);
  onTestFinished(() => sentry[Symbol.asyncDispose]());
  return sentry;
}

const orders = { appId: 'orders', namespace: '' };

describe('mutual TLS between two apps', () => {
  it('tells the callee who the caller is, by its certificate', async () => {
    const sentry = await startSentry();
    const [shop, callee] = await Promise.all([startMutualTls(sentry, 'shop'), startMutualTls(sentry, 'orders')]);
    const server = await serve(callee.server);
    const client = clientOf(server.address, shop.clientFor(orders));
    expect(await echo(client, 'hello')).toBe('hello');
    expect(server.callers).toEqual([{ trustDomain: 'public', namespace: 'default', appId: 'shop' }]);
    const asked = sentry.requests.map(({ id, namespace, trustDomain, tokenValidator }) => ({
      [id]: [namespace, trustDomain, tokenValidator],
    }));
    expect(Object.assign({}, ...asked)).toEqual({ shop: ['default', 'public', 0], orders: ['default', 'public', 0] });
  });

  it('works with keys on P-256, too', async () => {
    const sentry = await startSentry();
    const more = { keyAlgorithm: 'P-256' } as const;
    const [shop, callee] = await Promise.all([
      startMutualTls(sentry, 'shop', more),
      startMutualTls(sentry, 'orders', more),
    ]);
    const server = await serve(callee.server);
    expect(await echo(clientOf(server.address, shop.clientFor(orders)), 'hello')).toBe('hello');
  });

  it('is refused by the caller where another app answers', async () => {
    const sentry = await startSentry();
    const [shop, thief] = await Promise.all([startMutualTls(sentry, 'shop'), startMutualTls(sentry, 'thief')]);
    const server = await serve(thief.server);
    const failure = echo(clientOf(server.address, shop.clientFor(orders)), 'secret');
    await expect(failure).rejects.toThrow(
      /of spiffe:\/\/public\/ns\/default\/thief, was refused: it has to be of spiffe:\/\/public\/ns\/default\/orders/,
    );
    await expect(failure).rejects.toSatisfy((error) => ComponentError.is(error) && error.code === 'unavailable');
    expect(server.callers).toEqual([]);
  });

  it('of different trust domains is refused by both, unless a policy names the other', async () => {
    const sentry = await startSentry();
    const [shop, callee, open] = await Promise.all([
      startMutualTls(sentry, 'shop', { trustDomain: 'elsewhere' }),
      startMutualTls(sentry, 'orders'),
      startMutualTls(sentry, 'orders', { otherTrustDomains: ['elsewhere'] }),
    ]);
    const [server, openServer] = [await serve(callee.server), await serve(open.server)];
    await expect(echo(clientOf(server.address, shop.clientFor(orders)), 'x')).rejects.toThrow(
      /its trust domain is not "elsewhere"/,
    );
    const trusting: PeerTls = {
      ...shop.clientFor(orders),
      verify: () => ({ identity: undefined, validUntil: Infinity }),
    };
    await expect(echo(clientOf(server.address, trusting), 'x')).rejects.toThrow(
      /the server ended it: its certificate.*its trust domain is not "public"/,
    );
    expect(await echo(clientOf(openServer.address, trusting), 'x')).toBe('x');
    expect(openServer.callers).toEqual([{ trustDomain: 'elsewhere', namespace: 'default', appId: 'shop' }]);
  });
});

describe('a caller', () => {
  const app = ['spiffe://public/ns/default/shop'];
  it.each<[string, Partial<IssueOptions>, RegExp]>([
    [
      'whose certificate has expired',
      { notBefore: new Date(0), notAfter: new Date(86_400_000) },
      /was refused: it has expired/,
    ],
    [
      'whose certificate is not valid yet',
      { notBefore: new Date(Date.now() + 60_000) },
      /was refused: it is not valid yet/,
    ],
    ['without a SPIFFE id', { uris: [] }, /it has no SPIFFE id/],
    ['with two', { uris: [...app, 'spiffe://public/ns/default/admin'] }, /more than one URI/],
    ['whose id is malformed', { uris: ['spiffe://public/ns/default/../admin'] }, /not a SPIFFE id/],
    ['that shows an authority’s certificate', { isAuthority: true }, /of an authority/],
  ])('%s is refused, and told why', async (_what, options, reason) => {
    const sentry = await startSentry();
    const server = await serve((await startMutualTls(sentry, 'orders')).server);
    const { cert, key } = await sentry.authority.issue({ uris: app, ...options });
    const client = clientOf(server.address, credentialsOnly(cert, key, sentry.authority.root));
    await expect(echo(client, 'x')).rejects.toThrow(reason);
    expect(server.callers).toEqual([]);
    expect(server.warnings).toContainEqual(expect.stringMatching(reason));
  });

  it('of another authority is refused, and told why', async () => {
    const [sentry, other] = await Promise.all([startSentry(), TestAuthority.create()]);
    const server = await serve((await startMutualTls(sentry, 'orders')).server);
    const { cert, key } = await other.issue({ uris: app });
    const client = clientOf(server.address, credentialsOnly(cert, key, sentry.authority.root));
    await expect(echo(client, 'x')).rejects.toThrow(/not issued under the trust anchors/);
  });

  it('without a certificate is refused, and told why', async () => {
    const sentry = await startSentry();
    const server = await serve((await startMutualTls(sentry, 'orders')).server);
    const client = clientOf(server.address, credentialsOnly(undefined, undefined, sentry.authority.root));
    await expect(echo(client, 'x')).rejects.toThrow(/it showed no certificate/);
  });

  it('that speaks plaintext is told what to do, and so is the callee', async () => {
    const sentry = await startSentry();
    const server = await serve((await startMutualTls(sentry, 'orders')).server);
    await expect(echo(clientOf(server.address), 'x')).rejects.toThrow(
      /the server ended it: start the caller with --enable-mtls/,
    );
    expect(server.warnings).toContainEqual(expect.stringContaining('--enable-mtls'));
  });

  it('that meets a callee without TLS is told what to do', async () => {
    const sentry = await startSentry();
    const server = await serve(undefined);
    const shop = await startMutualTls(sentry, 'shop');
    await expect(echo(clientOf(server.address, shop.clientFor(orders)), 'x')).rejects.toThrow(
      /start the other sidecar with --enable-mtls/,
    );
  });

  it('cannot resume a session, which would not show its certificate again', async () => {
    const sentry = await startSentry();
    const server = await serve((await startMutualTls(sentry, 'orders')).server);
    const credentials = await sentry.authority.issue({ uris: app });
    const port = Number(server.address.split(':')[1]);
    const options = {
      port,
      host: '127.0.0.1',
      ...credentials,
      ca: sentry.authority.root,
      ALPNProtocols: ['h2'],
      checkServerIdentity: () => undefined,
    };
    const sessions: Buffer[] = [];
    const first = connectTls(options);
    first.on('session', (session) => sessions.push(session)).on('error', () => {});
    await new Promise((resolve) => first.once('data', resolve));
    const session = sessions[0] ?? first.getSession();
    first.destroy();
    const second = connectTls({ ...options, ...(session && { session }) }).on('error', () => {});
    await new Promise((resolve) => second.once('data', resolve));
    expect(second.isSessionReused()).toBe(false);
    second.destroy();
  });
});

describe('while certificates are renewed', () => {
  it('no call fails, and new connections take the calls', { timeout: 30_000 }, async () => {
    const sentry = await startSentry({ ttl: 4000 });
    const [shop, callee] = await Promise.all([startMutualTls(sentry, 'shop'), startMutualTls(sentry, 'orders')]);
    const server = await serve(callee.server);
    const client = clientOf(server.address, shop.clientFor(orders));
    const path = `/${testService}/echoAll`;
    await client.connected();
    const long = client.call(path, {});
    long.send(Buffer.from('1'));
    expect(String(await long.read())).toBe('1');
    const end = Date.now() + 6000;
    let calls = 0;
    while (Date.now() < end) {
      expect(await echo(client, String(calls))).toBe(String(calls));
      calls++;
    }
    long.end(Buffer.from('2'));
    expect(String(await long.read())).toBe('2');
    expect(server.connections).toBeGreaterThan(1);
  });
});

describe('when the trust anchors change', () => {
  it('a caller under a root that is gone is let go, and not let in again', async () => {
    const [sentry, other] = await Promise.all([startSentry(), TestAuthority.create()]);
    const anchors = changeable(sentry.authority.root);
    const [shop, callee] = await Promise.all([
      startMutualTls(sentry, 'shop'),
      startMutualTls(sentry, 'orders', { trustAnchors: anchors }),
    ]);
    const server = await serve(callee.server);
    callee.onOtherRoots(() => server.grpc.renewConnections());
    const client = clientOf(server.address, shop.clientFor(orders));
    expect(await echo(client, '1')).toBe('1');
    anchors.change(sentry.authority.root + other.root);
    await expect.poll(() => client.isConnected).toBe(false);
    expect(await echo(client, '2')).toBe('2');
    anchors.change(other.root);
    await expect.poll(() => client.isConnected).toBe(false);
    await expect(echo(client, '3')).rejects.toThrow(/not issued under the trust anchors/);
  });

  it('a caller no longer talks to a callee that it does not trust any more', async () => {
    const [sentry, other] = await Promise.all([startSentry(), TestAuthority.create()]);
    const anchors = changeable(sentry.authority.root);
    const [shop, callee] = await Promise.all([
      startMutualTls(sentry, 'shop', { trustAnchors: anchors }),
      startMutualTls(sentry, 'orders'),
    ]);
    const server = await serve(callee.server);
    const client = clientOf(server.address, shop.clientFor(orders));
    expect(await echo(client, '1')).toBe('1');
    anchors.change(other.root);
    await expect.poll(() => client.isConnected).toBe(false);
    await expect(echo(client, '2')).rejects.toThrow(/not issued under the trust anchors/);
  });
});

function changeable(pem: string): TrustAnchors & { change(pem: string): void } {
  const listeners: (() => void)[] = [];
  return {
    pem,
    onChange: (listener) => void listeners.push(listener),
    change(now) {
      (this as { pem: string }).pem = now;
      for (const listener of listeners) listener();
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

/** A caller that shows what it has and takes whoever answers. */
function credentialsOnly(cert: string | undefined, key: string | undefined, ca: string): PeerTls {
  const credentials = { ca, ...(cert !== undefined && key !== undefined && { cert, key }) };
  return { credentials: () => credentials, verify: () => ({ identity: undefined, validUntil: Infinity }) };
}
