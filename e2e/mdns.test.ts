import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import { hasMulticast } from '@outrigger/nameresolution-mdns/testing';
import { expect, it, onTestFinished, vi } from 'vitest';

import { Child } from './processes/child.ts';
import { freePorts } from './processes/ports.ts';
import { Sidecar } from './processes/sidecar.ts';

const app = fileURLToPath(new URL('./rolling/app.ts', import.meta.url));
function endedAfterTest<T extends AsyncDisposable>(one: T): T {
  onTestFinished(() => one[Symbol.asyncDispose]());
  return one;
}

/** Others on this machine hear of it as well. */
const run = randomBytes(4).toString('hex');
const orders = `orders-${run}`;

/** An instance of `orders` that answers with its name; found by nothing but its app id. */
async function startOrders(name: string): Promise<Sidecar> {
  const [port = 0] = await freePorts(1);
  const own = endedAfterTest(
    new Child(process.execPath, [app], { env: { ...process.env, PORT: String(port), INSTANCE: name } }),
  );
  await own.line(/listening/);
  return endedAfterTest(await Sidecar.start({ appId: orders, appPort: port }));
}

async function startCaller(name: string): Promise<Sidecar> {
  return endedAfterTest(await Sidecar.start({ appId: `${name}-${run}` }));
}

/** Calls one after the other; who answered. All are answered. */
async function call(caller: Sidecar, times: number): Promise<Set<string>> {
  const answered = new Set<string>();
  for (let count = 0; count < times; count++) {
    const response = await caller.fetch(`/v1.0/invoke/${orders}/method/x`);
    const text = await response.text();
    expect([response.status, text]).toEqual([200, expect.stringMatching(/^instance/)]);
    answered.add(text);
  }
  return answered;
}

it.skipIf(!hasMulticast)(
  'four sidecars without any configuration find each other by multicast, share the load, and forget who leaves or dies',
  async () => {
    const [shop, billing, first, second] = await Promise.all([
      startCaller('shop'),
      startCaller('billing'),
      startOrders('instance 1'),
      startOrders('instance 2'),
    ]);
    const both = new Set(['instance 1', 'instance 2']);
    expect(await call(shop, 10)).toEqual(both);
    expect(await call(billing, 10)).toEqual(both);

    // what a dead one had taken is tried elsewhere
    await first.stop('SIGKILL');
    expect(await call(shop, 20)).toEqual(new Set(['instance 2']));

    await startOrders('instance 3');
    await vi.waitFor(async () => expect(await call(shop, 4)).toContain('instance 3'), {
      timeout: 30_000,
      interval: 100,
    });

    // one that leaves says so: from then on nobody is sent to it
    await second.stop();
    expect(await call(shop, 20)).toEqual(new Set(['instance 3']));
    expect(await call(billing, 20)).toEqual(new Set(['instance 3']));
  },
);
