import { createServer, type Socket } from 'node:net';

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

/** A port on which nobody listens. */
async function unusedAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return `127.0.0.1:${port}`;
}

describe('a peer that cannot be reached', () => {
  it('is passed over for the next', async () => {
    const directory = new Directory();
    directory.addresses.set('inventory', [await unusedAddress(), await unusedAddress()]);
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
    const address = await unusedAddress();
    directory.addresses.set('inventory', [address]);
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
    directory.addresses.set('inventory', [await unusedAddress()]);
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

it('calls are shared out among the sidecars of an app', async () => {
  const directory = new Directory();
  for (const name of ['one', 'two', 'three']) {
    await startHalf({ appId: 'inventory', directory, handler: (_, response) => response.end(name) });
  }
  const caller = await startHalf({ appId: 'checkout', directory });
  const call = async () => (await fetch(`${caller.url}/v1.0/invoke/inventory/method/x`)).text();
  expect(new Set([await call(), await call(), await call()])).toEqual(new Set(['one', 'two', 'three']));
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
