import { randomUUID } from 'node:crypto';
import type { AppInstance, NameResolver } from '@outrigger/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { patience, promptMs, within } from './within.ts';

/** Where resolvers rightly differ. Data, not switches: what is absent is the strict reading of the contract. */
export interface NameResolverQuirks {
  /** How long after its death, or after its `dispose`, an instance may still be resolved. Default 5000. */
  readonly forgottenWithinMs?: number;
  /** How long a registration lives that nobody renews, as the instances are configured; absent: for ever. */
  readonly livesForMs?: number;
  /** The backend knows no namespaces: apps of all of them see each other. Default false. */
  readonly ignoresNamespaces?: boolean;
  /**
   * Registers the instance from a process of its own, which is then killed; resolves when it is dead. Without it the crash
   * case does not run.
   */
  readonly registerAndDie?: (instance: AppInstance) => Promise<void>;
}

/**
 * A connected resolver with `register`, as one sidecar would have it; all of them share one backend, which need not be empty:
 * app ids and ports are unique per case. The suite disposes it.
 */
export type CreateNameResolver = () => Promise<NameResolver>;

/** Ports that no other case of this run uses; nothing listens there. */
let nextPort = 20_000 + (process.pid % 500) * 80;

/**
 * Registers the cases that every name resolver which registers instances itself has to pass; call it inside a test file.
 *
 * @example
 * nameResolverConformance(() => create({ connectionString: file }), { livesForMs: 2000 });
 */
export function nameResolverConformance(createNameResolver: CreateNameResolver, quirks: NameResolverQuirks = {}): void {
  const forgottenWithinMs = (quirks.forgottenWithinMs ?? 5000) * patience;
  const { signal } = new AbortController();

  async function resolver(): Promise<NameResolver> {
    const made = await createNameResolver();
    onTestFinished(() => made[Symbol.asyncDispose]());
    return made;
  }

  async function register(on: NameResolver, instance: AppInstance): Promise<AsyncDisposable> {
    if (!on.register) throw new Error('this suite is for resolvers that register instances themselves');
    return on.register(instance, signal);
  }

  function instanceOf(appId: string, change: Partial<AppInstance> = {}): AppInstance {
    return { appId, namespace: '', host: '127.0.0.1', port: nextPort++, ...change };
  }

  async function resolve(on: NameResolver, appId: string, namespace = ''): Promise<string[]> {
    return [...(await on.resolve({ appId, namespace, port: 50_002 }, signal))].toSorted();
  }

  const eventually = { timeout: forgottenWithinMs, interval: 50 };

  describe('name resolver conformance', () => {
    it('knows no address of an app that nobody has registered', async () => {
      expect(await resolve(await resolver(), `nobody-${randomUUID()}`)).toEqual([]);
    });

    it('finds an app that another sidecar has registered, and its own', async () => {
      const [one, two] = [await resolver(), await resolver()];
      const instance = instanceOf(`app-${randomUUID()}`);
      await register(one, instance);
      for (const any of [one, two]) {
        await expect.poll(() => resolve(any, instance.appId), eventually).toEqual([`127.0.0.1:${instance.port}`]);
      }
    });

    it('gives every address of an app that runs several times', async () => {
      const appId = `many-${randomUUID()}`;
      const instances = [instanceOf(appId), instanceOf(appId), instanceOf(appId)];
      for (const instance of instances) await register(await resolver(), instance);
      const addresses = instances.map(({ host, port }) => `${host}:${port}`);
      const reader = await resolver();
      await expect.poll(() => resolve(reader, appId), eventually).toEqual(addresses);
    });

    it('puts an IPv6 address in brackets', async () => {
      const instance = instanceOf(`six-${randomUUID()}`, { host: '::1' });
      const one = await resolver();
      await register(one, instance);
      await expect.poll(() => resolve(one, instance.appId), eventually).toEqual([`[::1]:${instance.port}`]);
    });

    it('forgets an instance whose registration is disposed, and no other', async () => {
      const appId = `leaving-${randomUUID()}`;
      const [one, two] = [await resolver(), await resolver()];
      const [goes, stays] = [instanceOf(appId), instanceOf(appId)];
      const registration = await register(one, goes);
      await register(two, stays);
      await expect.poll(() => resolve(two, appId), eventually).toHaveLength(2);
      await registration[Symbol.asyncDispose]();
      await expect.poll(() => resolve(two, appId), eventually).toEqual([`127.0.0.1:${stays.port}`]);
    });

    it('forgets what it has registered when the resolver is disposed', async () => {
      const [one, two] = [await createNameResolver(), await resolver()];
      const instance = instanceOf(`closing-${randomUUID()}`);
      await register(one, instance);
      await expect.poll(() => resolve(two, instance.appId), eventually).toHaveLength(1);
      await one[Symbol.asyncDispose]();
      await expect.poll(() => resolve(two, instance.appId), eventually).toEqual([]);
    });

    it('gives an address to the app that has registered it last', async () => {
      const [one, two] = [await resolver(), await resolver()];
      const before = instanceOf(`before-${randomUUID()}`);
      const after = { ...before, appId: `after-${randomUUID()}` };
      const left = await register(one, before);
      await register(two, after);
      await expect.poll(() => resolve(one, before.appId), eventually).toEqual([]);
      await left[Symbol.asyncDispose]();
      await expect.poll(() => resolve(one, after.appId), eventually).toEqual([`127.0.0.1:${after.port}`]);
    });

    it('gives nothing to a caller that has gone, and registers nothing for it', async () => {
      const [one, two] = [await resolver(), await resolver()];
      const instance = instanceOf(`gone-${randomUUID()}`);
      const aborted = AbortSignal.abort(new Error('no longer wanted'));
      const asked = one.resolve({ ...instance, port: 50_002 }, aborted);
      await expect(asked).rejects.toThrow('no longer wanted');
      await expect(one.register?.(instance, aborted)).rejects.toThrow('no longer wanted');
      const known = instanceOf(`known-${randomUUID()}`);
      await register(one, known);
      await expect.poll(() => resolve(two, known.appId), eventually).toHaveLength(1);
      expect(await resolve(two, instance.appId)).toEqual([]);
    });

    it('can be closed twice, also at the same time, and then refuses every call', async () => {
      const one = await createNameResolver();
      const close = () => within(promptMs + forgottenWithinMs, 'closing', one[Symbol.asyncDispose]());
      await Promise.all([close(), close()]);
      await close();
      const instance = instanceOf(`late-${randomUUID()}`);
      const ended = { code: 'unavailable' };
      await expect(resolve(one, instance.appId)).rejects.toMatchObject(ended);
      await expect(register(one, instance)).rejects.toMatchObject(ended);
    });

    it.skipIf(quirks.ignoresNamespaces)('keeps apps of the same name in two namespaces apart', async () => {
      const appId = `both-${randomUUID()}`;
      const one = await resolver();
      const [test, live] = [instanceOf(appId, { namespace: 'test' }), instanceOf(appId, { namespace: 'live' })];
      await register(one, test);
      await register(one, live);
      await expect.poll(() => resolve(one, appId, 'test'), eventually).toEqual([`127.0.0.1:${test.port}`]);
      await expect.poll(() => resolve(one, appId, 'live'), eventually).toEqual([`127.0.0.1:${live.port}`]);
    });

    it.runIf(quirks.livesForMs)('goes on being found for as long as it runs', async () => {
      const one = await resolver();
      const reader = await resolver();
      const instance = instanceOf(`lasting-${randomUUID()}`);
      await register(one, instance);
      await expect.poll(() => resolve(reader, instance.appId), eventually).toHaveLength(1);
      const end = Date.now() + 1.5 * (quirks.livesForMs ?? 0);
      const seen = new Set<number>();
      const watched = async () => {
        seen.add((await resolve(reader, instance.appId)).length);
        return Date.now() > end;
      };
      await expect.poll(watched, { timeout: 10 * (quirks.livesForMs ?? 0), interval: 20 }).toBe(true);
      expect([...seen]).toEqual([1]);
    });

    it.runIf(quirks.registerAndDie)('forgets an instance that has died without a word', async () => {
      const reader = await resolver();
      const instance = instanceOf(`crashing-${randomUUID()}`);
      await quirks.registerAndDie?.(instance);
      await expect.poll(() => resolve(reader, instance.appId), eventually).toEqual([]);
    });
  });
}
