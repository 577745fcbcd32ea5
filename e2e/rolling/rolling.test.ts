import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, expect, it, vi } from 'vitest';

import { Load } from './load.ts';
import { Scene } from './scene.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.start();
}, 120_000);
afterAll(() => scene?.[Symbol.asyncDispose]());

it('no call fails while three instances are replaced one after the other', { timeout: 180_000 }, async () => {
  const load = new Load(scene.shop, 200);
  await sleep(500); // of calls to the old ones
  await scene.roll();
  await vi.waitFor(() => expect(load.answered.size).toBe(6), { timeout: 60_000, interval: 100 });
  await load.end();
  expect(load.failures).toEqual([]);
});

it.each(['all of it', 'its sidecar', 'its app'] as const)(
  'of an instance that is killed, %s, only calls that may have been done already fail',
  { timeout: 120_000 },
  async (what) => {
    const load = new Load(scene.shop, 200);
    await sleep(500);
    const [victim] = scene.instances;
    if (what === 'all of it') await victim?.kill();
    else await (what === 'its app' ? victim?.app : victim?.sidecar)?.stop('SIGKILL');
    const before = load.calls;
    // the others answer, the dead one is forgotten
    await vi.waitFor(() => expect(load.calls).toBeGreaterThan(before + 400), { timeout: 60_000, interval: 100 });
    await load.end();
    for (const { verb, reason } of load.failures) {
      // a POST on its way when the connection broke: nobody knows whether the app has done it
      expect(verb).toBe('POST');
      expect(reason).toMatch(/^500: .*ERR_DIRECT_INVOKE.*(connection|closed|reset|ended|broke)/i);
    }
    expect(load.failures.length).toBeLessThan(50);
    await scene.replace(0);
  },
);
