import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

import { silentLogger } from '@outrigger/core';
import { noMetrics } from '@outrigger/runtime';
import { expect, it, onTestFinished } from 'vitest';

import { optionsOf } from '../test/mtls-scene.ts';
import { TestSentry } from '../test/testing.ts';
import { Sentry } from './sentry-client.ts';

it('an abort ends the wait for an authority that says nothing, and is the reason', async () => {
  await using sentry = await TestSentry.start({});
  const mute = createServer(() => {}).listen(0, '127.0.0.1');
  const connected = once(mute, 'connection') as Promise<[Socket]>;
  await once(mute, 'listening');
  onTestFinished(async () => {
    const [socket] = await connected;
    socket.destroy();
    mute.close();
  });
  const address = `127.0.0.1:${(mute.address() as AddressInfo).port}`;
  const options = optionsOf(sentry, 'shop', { logger: silentLogger, metrics: noMetrics });
  const abort = new AbortController();
  const asked = new Sentry({ ...options, address }).sign('request', abort.signal);
  await connected;
  const reason = new Error('the sidecar is stopping');
  const begin = performance.now();
  abort.abort(reason);
  await expect(asked).rejects.toBe(reason);
  // before the 3 s that a connection is waited for
  expect(performance.now() - begin).toBeLessThan(2000);
});
