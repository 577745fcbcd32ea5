import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { type AppInstance, type Logger, silentLogger } from '@outrigger/core';
import { encode } from 'dns-packet';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { hasMulticast } from '../test/multicast.ts';
import { MdnsNameResolver } from './mdns-name-resolver.ts';
import { answerOf, namesOf } from './records.ts';

const { signal } = new AbortController();
/** A group apart from the sidecars of this machine and from other test files. */
const port = 28_000 + (process.pid % 2000);
let apps = 0;

function open(logger: Logger = silentLogger): MdnsNameResolver {
  const resolver = new MdnsNameResolver({ port, logger });
  onTestFinished(() => resolver[Symbol.asyncDispose]());
  return resolver;
}

function instanceOf(change: Partial<AppInstance> = {}): AppInstance {
  return { appId: `app-${process.pid}-${apps++}`, namespace: '', host: '127.0.0.1', port: 30_000 + apps, ...change };
}

const addressesOf = (resolver: MdnsNameResolver, appId: string, patience = signal) =>
  resolver.resolve({ appId, namespace: '', port: 1 }, patience);

/** Sends a packet to the group by the loopback interface, as any process of this machine may. */
async function send(packet: Buffer): Promise<void> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  socket.setMulticastInterface('127.0.0.1');
  await new Promise<void>((resolve, reject) =>
    socket.send(packet, port, '224.0.0.251', (error) => (error ? reject(error) : resolve())),
  );
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  // the reader is in this process: what it does not come to read, the system drops
  await turn();
}

const responseOf = (instance: AppInstance, leaving = false) =>
  encode({ type: 'response', ...answerOf(instance, namesOf(instance, 'stranger'), leaving) });

// what has to happen within a second may fail on a machine that stands still for one
describe.skipIf(!hasMulticast)('a resolver', { retry: 2 }, () => {
  it('finds an app with its first question, well before the time is up', async () => {
    const [one, two] = [open(), open()];
    const instance = instanceOf();
    await one.register(instance, signal);
    const start = performance.now();
    expect(await addressesOf(two, instance.appId)).toEqual([`127.0.0.1:${instance.port}`]);
    expect(performance.now() - start).toBeLessThan(900);
  });

  it('waits a second for an app that nobody has, once for all who ask', async () => {
    const resolver = open();
    await addressesOf(resolver, 'warm-up');
    const start = performance.now();
    expect(await Promise.all(Array.from({ length: 50 }, () => addressesOf(resolver, 'nobody')))).toEqual(
      Array(50).fill([]),
    );
    expect(performance.now() - start).toBeGreaterThan(900);
    expect(performance.now() - start).toBeLessThan(2500);
  });

  it('lets go of a caller that no longer waits', async () => {
    const caller = new AbortController();
    const asked = addressesOf(open(), 'nobody', caller.signal);
    caller.abort(new Error('no longer wanted'));
    await expect(asked).rejects.toThrow('no longer wanted');
  });

  it('hands the first caller all instances, not only who answers soonest', async () => {
    const [one, two] = [open(), open()];
    const first = instanceOf();
    const second = { ...first, port: first.port + 500 };
    await Promise.all([one.register(first, signal), two.register(second, signal)]);
    // both have said that they are there before the reader listens
    await expect.poll(() => addressesOf(one, first.appId), { timeout: 3000 }).toHaveLength(2);
    expect(await addressesOf(open(), first.appId)).toHaveLength(2);
  });

  it('learns of instances that come and go without asking again', async () => {
    const [one, two, reader] = [open(), open(), open()];
    const first = instanceOf();
    const second = { ...first, port: first.port + 500 };
    await one.register(first, signal);
    expect(await addressesOf(reader, first.appId)).toHaveLength(1);
    const registration = await two.register(second, signal);
    await expect.poll(() => addressesOf(reader, first.appId), { timeout: 3000 }).toHaveLength(2);
    await registration[Symbol.asyncDispose]();
    await expect.poll(() => addressesOf(reader, first.appId), { timeout: 500 }).toEqual([`127.0.0.1:${first.port}`]);
  });

  it('forgets a minute later an instance that is no longer heard of', async () => {
    const reader = open();
    const gone = instanceOf();
    await addressesOf(reader, gone.appId);
    await send(responseOf(gone));
    await expect.poll(() => addressesOf(reader, gone.appId)).toHaveLength(1);
    const now = performance.now();
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now + 61_000);
    onTestFinished(() => clock.mockRestore());
    const browsing = addressesOf(reader, gone.appId);
    clock.mockRestore();
    expect(await browsing).toEqual([]);
  });

  it('keeps its wits when the group is full of garbage, lies and thousands of answers', async () => {
    const resolver = open();
    const instance = instanceOf();
    await resolver.register(instance, signal);
    await addressesOf(resolver, instance.appId);
    const good = responseOf(instanceOf({ appId: 'x' }));
    for (let n = 0; n < 200; n++) {
      const bad = Buffer.from(good);
      for (let k = 0; k < 8; k++) bad[(n * 31 + k * 17) % bad.length] = (n * 7 + k * 13) % 256;
      await send(bad);
    }
    await send(Buffer.alloc(60_000, 0xc0));
    await send(Buffer.alloc(0));
    for (let n = 0; n < 300; n++) await send(responseOf(instanceOf({ appId: instance.appId, host: '127.0.0.9' })));
    await expect.poll(async () => (await addressesOf(resolver, instance.appId)).length).toBeGreaterThan(20);
    await expect.poll(() => addressesOf(resolver, instance.appId)).toContain(`127.0.0.1:${instance.port}`);
    const known = await addressesOf(resolver, instance.appId);
    expect(known.length).toBeLessThanOrEqual(200);
  });

  it('leaves no socket or timer behind, also when it ends at once', async () => {
    for (const wait of [true, false]) {
      const resolver = new MdnsNameResolver({ port, logger: silentLogger });
      await resolver.register(instanceOf(), signal);
      const asked = addressesOf(resolver, 'nobody').catch(() => []);
      if (wait) await asked;
      await resolver[Symbol.asyncDispose]();
      expect(await asked).toEqual([]);
    }
  });

  it('warns once, and starts, where there is no multicast', async () => {
    const warn = vi.fn<Logger['warn']>();
    // a port that cannot be shared
    const blocker = createSocket('udp4');
    await new Promise<void>((resolve) => blocker.bind(0, '0.0.0.0', resolve));
    onTestFinished(() => void blocker.close());
    const resolver = new MdnsNameResolver({ port: blocker.address().port, logger: { ...silentLogger, warn } });
    const registration = await resolver.register(instanceOf(), signal);
    await expect(addressesOf(resolver, 'orders')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(addressesOf(resolver, 'stock')).rejects.toThrow(/sqlite/);
    expect(warn.mock.calls).toEqual([[expect.stringContaining('spec.nameResolution')]]);
    await registration[Symbol.asyncDispose]();
    await resolver[Symbol.asyncDispose]();
  });

  it('is found, and finds, once multicast works that did not at first', async () => {
    const blocker = createSocket('udp4');
    await new Promise<void>((resolve) => blocker.bind(0, '0.0.0.0', resolve));
    const own = blocker.address().port;
    const at = () => new MdnsNameResolver({ port: own, reopenAfter: 20, logger: silentLogger });
    const [one, two] = [at(), at()];
    onTestFinished(async () => {
      await Promise.all([one, two].map((resolver) => resolver[Symbol.asyncDispose]()));
    });
    const instance = instanceOf();
    await one.register(instance, signal);
    await expect(addressesOf(two, instance.appId)).rejects.toMatchObject({ code: 'unavailable' });
    await new Promise<void>((resolve) => blocker.close(() => resolve()));
    const found = () => addressesOf(two, instance.appId).catch(() => []);
    await expect.poll(found).toEqual([`127.0.0.1:${instance.port}`]);
  });

  const lan = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

  it.skipIf(lan === undefined)('is found at the address of the network, too', async () => {
    const [one, two] = [open(), open()];
    const instance = instanceOf({ host: lan ?? '' });
    await one.register(instance, signal);
    expect(await addressesOf(two, instance.appId)).toEqual([`${lan}:${instance.port}`]);
  });
});
