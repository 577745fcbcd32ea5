import { describe, expect, it } from 'vitest';
import { countCalls } from './call-count.ts';

class Store {
  readonly features = ['etag'];
  readonly #items = new Map<string, string>();
  readonly #gate: Promise<void>;

  constructor(gate = Promise.resolve()) {
    this.#gate = gate;
  }

  get size(): number {
    return this.#items.size;
  }

  async set(key: string, value: string): Promise<void> {
    await this.#gate;
    this.#items.set(key, value);
  }

  read(key: string): string | undefined {
    return this.#items.get(key);
  }

  refuse(): void {
    throw new Error('refused');
  }
}

describe('the stand-in that counts calls', () => {
  it('has the members of the instance, also those that change', async () => {
    const { instance } = countCalls(new Store());
    await instance.set('a', '1');
    expect([instance.features, instance.size, instance.read('a')]).toEqual([['etag'], 1, '1']);
  });

  it('is idle once every call is settled, failed ones too', async () => {
    const gate = Promise.withResolvers<void>();
    const { instance, idle } = countCalls(new Store(gate.promise));
    expect(() => instance.refuse()).toThrow('refused');
    await idle();
    const seen: string[] = [];
    const call = instance.set('a', '1').then(() => seen.push('set'));
    const waited = idle().then(() => seen.push('idle'));
    gate.resolve();
    await Promise.all([call, waited]);
    expect(seen).toEqual(['set', 'idle']);
  });

  it('calls what a Proxy has in the place of a method', async () => {
    const store = new Store();
    const own: Record<PropertyKey, unknown> = { read: () => 'its own' };
    const proxy = new Proxy(store, {
      get: (target, name) => {
        const value: unknown = own[name] ?? Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const { instance } = countCalls(proxy);
    await instance.set('a', '1');
    expect([instance.read('a'), instance.size]).toEqual(['its own', 1]);
  });
});
