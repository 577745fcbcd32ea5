import { randomUUID } from 'node:crypto';
import type { ConfigurationItems } from '@outrigger/core';
import { vi } from 'vitest';

/** Keys that no other case uses. */
export function freshKeys<const N extends readonly string[]>(...names: N): { readonly [I in keyof N]: string } {
  const run = randomUUID().slice(0, 8);
  return names.map((name) => `conformance-${run}-${name}`) as { readonly [I in keyof N]: string };
}

/** What a subscription was told, in its order. */
export class Told {
  readonly calls: ConfigurationItems[] = [];
  /** How many calls there were at the same time, at most. */
  atOnce = 0;
  #running = 0;
  readonly #work: (items: ConfigurationItems) => void | Promise<void>;

  /** `work` is what `onChange` does; the default does nothing more. */
  constructor(work: (items: ConfigurationItems) => void | Promise<void> = () => {}) {
    this.#work = work;
  }

  readonly onChange = async (items: ConfigurationItems): Promise<void> => {
    this.calls.push(items);
    this.atOnce = Math.max(this.atOnce, ++this.#running);
    try {
      await this.#work(items);
    } finally {
      this.#running--;
    }
  };

  /** The values told of a key, in their order. */
  valuesOf(key: string): string[] {
    return this.calls.flatMap(({ [key]: item }) => (item === undefined ? [] : [item.value]));
  }

  /** Every key that was told of and begins so. */
  keysFrom(prefix: string): string[] {
    return [...new Set(this.calls.flatMap((items) => Object.keys(items)))].filter((key) => key.startsWith(prefix));
  }

  /** Resolves once this is the last value told of the key. */
  async last(key: string, value: string, timeout: number): Promise<void> {
    await vi.waitFor(
      () => {
        const values = this.valuesOf(key);
        if (values.at(-1) !== value) throw new Error(`told of ${key}: ${JSON.stringify(values)}, not "${value}"`);
      },
      { timeout, interval: 5 },
    );
  }
}
