import type { RequestListener } from 'node:http';
import { createServer, type Socket } from 'node:net';

import { silentLogger } from '@outrigger/core';
import { HttpAppChannel } from '@outrigger/runtime';
import { describe, expect, it, onTestFinished } from 'vitest';

import { Directory, startHalf } from '../../../test/sidecar-half.ts';
import { GrpcPeers } from './peers.ts';

const never = new AbortController().signal;
const target = { appId: 'inventory', namespace: '' };
const get = { verb: 'GET', path: '/x', query: '', headers: {}, body: undefined };

function newPeers(options = {}): GrpcPeers {
  const peers = new GrpcPeers({ connectTimeout: 2000, ...options });
  onTestFinished(() => peers[Symbol.asyncDispose]());
  return peers;
}

/** Addresses whose port nobody is given by chance: it lies below those that listeners and callers get. */
const unused = ['127.0.0.1:1', '127.0.0.2:1'];

describe('a peer whose app does not take the call', () => {
  async function startHalves(closed: number, live: number) {
    const directory = new Directory();
    for (let count = 0; count < closed; count++) {
      const app = new HttpAppChannel({ appId: 'inventory', port: 1, logger: silentLogger });
      onTestFinished(() => app[Symbol.asyncDispose]());
      await startHalf({ appId: 'inventory', directory, app });
    }
    for (let count = 0; count < live; count++) {
      await startHalf({ appId: 'inventory', directory, handler: (request, response) => request.pipe(response) });
    }
    const caller = await startHalf({ appId: 'checkout', directory });
    return (body: string | ReadableStream) =>
      fetch(`${caller.url}/v1.0/invoke/inventory/method/x`, { method: 'POST', body, duplex: 'half' });
  }

  it('is passed over for the next: nothing was done', async () => {
    const post = await startHalves(2, 1);
    for (let call = 0; call < 6; call++) expect(await (await post(`call ${call}`)).text()).toBe(`call ${call}`);
  });

  it("is an error at once when it is the only one, in Dapr's words", async () => {
    const post = await startHalves(1, 0);
    const response = await post('x');
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({
      errorCode: 'ERR_DIRECT_INVOKE',
      message: expect.stringMatching(
        /^failed to invoke, id: inventory, err: rpc error: code = Internal desc = error invoking app channel: /,
      ),
    });
  });

  it('is an error when the body was a stream that cannot be sent again', async () => {
    const post = await startHalves(1, 1);
    const statuses = [];
    const long = new Blob(['streamed'.repeat(100_000)]);
    for (let call = 0; call < 2; call++) statuses.push((await post(long.stream())).status);
    expect(statuses).toEqual([500, 200]);
  });

  it('is passed over for a stream, too, that is short enough to keep', async () => {
    const post = await startHalves(1, 1);
    for (let call = 0; call < 2; call++)
      expect(await (await post(new Blob(['streamed']).stream())).text()).toBe('streamed');
  });

  it('is passed over when probes say that the app is not healthy', async () => {
    const directory = new Directory();
    await startHalf({
      appId: 'inventory',
      directory,
      isAppHealthy: () => false,
      handler: (_, response) => response.end('sick'),
    });
    await startHalf({ appId: 'inventory', directory, handler: (_, response) => response.end('well') });
    const caller = await startHalf({ appId: 'checkout', directory });
    for (let call = 0; call < 4; call++) {
      const response = await fetch(`${caller.url}/v1.0/invoke/inventory/method/x`, { method: 'POST', body: 'x' });
      expect(await response.text()).toBe('well');
    }
  });
});

describe('a peer that cannot be reached', () => {
  it('is passed over for the next', async () => {
    const directory = new Directory();
    directory.addresses.set('inventory', unused);
    await startHalf({ appId: 'inventory', directory, handler: (_, response) => response.end('here') });
    const caller = await startHalf({ appId: 'checkout', directory });
    for (let call = 0; call < 4; call++) {
      const body = new Blob(['streamed']).stream();
      const response = await fetch(`${caller.url}/v1.0/invoke/inventory/method/x`, {
        method: 'POST',
        body,
        duplex: 'half',
      });
      expect(await response.text()).toBe('here');
    }
  });

  it('is tried again, and found when it is back', async () => {
    const directory = new Directory();
    directory.addresses.set('inventory', unused.slice(0, 1));
    let asked = 0;
    const resolve = directory.resolve.bind(directory);
    directory.resolve = async (request) => {
      // By the second attempt it has moved.
      if (++asked === 2) {
        directory.addresses.delete('inventory');
        await startHalf({ appId: 'inventory', directory, handler: (_, response) => response.end('back') });
      }
      return resolve(request);
    };
    const caller = await startHalf({ appId: 'checkout', directory });
    const response = await fetch(`${caller.url}/v1.0/invoke/inventory/method/x`);
    expect(await response.text()).toBe('back');
  });

  it('is an error after the built-in retries', async () => {
    const directory = new Directory();
    directory.addresses.set('inventory', unused.slice(0, 1));
    const caller = await startHalf({ appId: 'checkout', directory });
    const response = await fetch(`${caller.url}/v1.0/invoke/inventory/method/x`);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({
      errorCode: 'ERR_DIRECT_INVOKE',
      message: expect.stringMatching(
        /failed to invoke target inventory after 3 retries\. Error: rpc error: code = Unavailable/,
      ),
    });
  });
});

it('calls are shared out evenly among the sidecars of an app, over one connection to each and one from each to its app', async () => {
  const connections = new Set<unknown>();
  const directory = new Directory();
  for (const name of ['one', 'two', 'three']) {
    await startHalf({
      appId: 'inventory',
      directory,
      handler: (request, response) => {
        connections.add(request.socket);
        response.end(name);
      },
    });
  }
  const peers = newPeers();
  const caller = await startHalf({ appId: 'checkout', directory, peers });
  const shares: Record<string, number> = {};
  for (let call = 0; call < 30; call++) {
    const name = await (await fetch(`${caller.url}/v1.0/invoke/inventory/method/x`)).text();
    shares[name] = (shares[name] ?? 0) + 1;
  }
  expect(shares).toEqual({ one: 10, two: 10, three: 10 });
  expect([peers.openConnections, connections.size]).toEqual([3, 3]);
});

it('calls made at once share a connection to a sidecar', async () => {
  const waiting: (() => void)[] = [];
  const handler: RequestListener = (_, response) => {
    waiting.push(() => response.end());
    if (waiting.length === 50) for (const answer of waiting) answer();
  };
  const half = await startHalf({ appId: 'inventory', handler });
  const peers = newPeers();
  const address = `127.0.0.1:${half.internal.port}`;
  const answers = await Promise.all(Array.from({ length: 50 }, () => peers.call(address, target, get, never)));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(peers.openConnections).toBe(1);
});

it('another namespace is another app', async () => {
  const directory = new Directory();
  await startHalf({ appId: 'inventory', directory, handler: (_, response) => response.end('own') });
  const other = new Directory();
  const staging = await startHalf({
    appId: 'inventory',
    directory: other,
    handler: (_, response) => response.end('staging'),
  });
  directory.add('inventory.staging', staging.internal.port);
  const caller = await startHalf({ appId: 'checkout', directory });
  const call = async (name: string) => (await fetch(`${caller.url}/v1.0/invoke/${name}/method/x`)).text();
  expect([await call('inventory'), await call('inventory.staging'), await call('inventory.default')]).toEqual([
    'own',
    'staging',
    'own',
  ]);
});

it('closing waits for calls in flight, takes no new ones, and cuts off what lasts too long', async () => {
  const arrived = Promise.withResolvers<void>();
  const answers: (() => void)[] = [];
  const directory = new Directory();
  const callee = await startHalf({
    appId: 'inventory',
    directory,
    handler: (_, response) => {
      answers.push(() => response.end('done'));
      if (answers.length === 2) arrived.resolve();
    },
  });
  const caller = await startHalf({ appId: 'checkout', directory });
  const url = `${caller.url}/v1.0/invoke/inventory/method/x`;
  const [first, second] = [fetch(url), fetch(url)];
  await arrived.promise;
  const closed = callee.internal.close(500);
  answers[0]?.();
  expect((await Promise.race([first, second])).status).toBe(200);
  await closed;
  const statuses = (await Promise.all([first, second])).map((response) => response.status);
  expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 500]);
});

it('an unused connection is closed after a while, and opened again', async () => {
  const half = await startHalf({ appId: 'inventory', handler: (_, response) => response.end('here') });
  const peers = newPeers({ idleTimeout: 20 });
  const address = `127.0.0.1:${half.internal.port}`;
  const here = async () => {
    const { body } = await peers.call(address, target, get, never);
    return body instanceof Uint8Array && Buffer.from(body).toString();
  };
  expect(await here()).toBe('here');
  await expect.poll(() => peers.openConnections).toBe(0);
  expect(await here()).toBe('here');
});

it('a caller that has gone does not wait for a connection', async () => {
  const accepted = Promise.withResolvers<Socket>();
  const mute = createServer((socket) => accepted.resolve(socket.on('error', () => {})));
  await new Promise<void>((resolve) => {
    mute.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    (await accepted.promise).destroy();
    mute.close();
  });
  const { port } = mute.address() as { port: number };
  const peers = newPeers({ connectTimeout: 60_000 });
  const caller = new AbortController();
  const called = peers.call(`127.0.0.1:${port}`, target, get, caller.signal);
  await accepted.promise;
  caller.abort(new Error('gone'));
  await expect(called).rejects.toThrow('gone');
});
