import { randomUUID } from 'node:crypto';
import type { Bindings, RequestMetadata } from '@outrigger/core';
import { describe, expect, it } from 'vitest';
import type { BindingsQuirks, CreateBinding } from '../bindings.ts';

const { signal } = new AbortController();

export function outputCases(create: CreateBinding, { address, absence = 'nothing' }: BindingsQuirks): void {
  /** The output with an item of its own; `undefined` for a component that is none, or lacks one of the operations. */
  async function item(...operations: readonly string[]): Promise<Item | undefined> {
    const binding = await create();
    const has = operations.every((operation) => binding.operations.includes(operation));
    return has && address !== undefined ? new Item(binding, address(`item-${randomUUID()}`)) : undefined;
  }

  describe('as an output', () => {
    it('refuses an operation that it does not name', async () => {
      const binding = await create();
      if (binding.invoke === undefined) return;
      const request = { operation: 'no-such-operation', data: new Uint8Array(), metadata: address?.('x') ?? {} };
      await expect(binding.invoke(request, signal)).rejects.toMatchObject({ code: 'unsupported' });
    });

    it('does nothing for a caller that has gone', async () => {
      const one = await item('create', 'get');
      if (one === undefined) return;
      await expect(one.invoke('create', 'late!', AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
      await absent(one);
    });

    it.each([
      ['a text', 'a text!'],
      ['JSON', '{"a": 1, "b": [true, null]}'],
      ['letters beyond ASCII', '§ ütf-8 ✓'],
      ['much', `${'x'.repeat(100_000)}!`],
    ])('gives back what it was given: %s', async (_, data) => {
      const one = await item('create', 'get');
      if (one === undefined) return;
      await one.invoke('create', data);
      expect(await one.invoke('get')).toBe(data);
      await one.invoke('create', `${data}?`);
      expect(await one.invoke('get')).toBe(`${data}?`);
    });

    it('keeps items apart, also when many callers come at once', async () => {
      const items = await Promise.all(Array.from({ length: 20 }, () => item('create', 'get')));
      await Promise.all(items.map(async (one, index) => one?.invoke('create', `item ${index}`)));
      const found = await Promise.all(items.map(async (one) => one?.invoke('get')));
      for (const [index, data] of found.entries()) expect(data ?? `item ${index}`).toBe(`item ${index}`);
    });

    it('has nothing where nothing was created, and nothing after a deletion', async () => {
      const one = await item('create', 'get', 'delete');
      if (one === undefined) return;
      await absent(one);
      await one.invoke('create', 'for now!');
      await one.invoke('delete');
      await absent(one);
    });
  });

  async function absent(one: Item): Promise<void> {
    if (absence === 'nothing') expect(await one.invoke('get')).toBeUndefined();
    else await expect(one.invoke('get')).rejects.toMatchObject({ code: 'not-found' });
  }
}

/** One thing that an output keeps. */
class Item {
  readonly #binding: Bindings;
  readonly #metadata: RequestMetadata;

  constructor(binding: Bindings, metadata: RequestMetadata) {
    this.#binding = binding;
    this.#metadata = metadata;
  }

  /** Resolves to the data of the answer as a text. */
  async invoke(operation: string, data = '', caller: AbortSignal = signal): Promise<string | undefined> {
    const request = { operation, data: Buffer.from(data), metadata: this.#metadata };
    const answer = await this.#binding.invoke?.(request, caller);
    return answer?.data && Buffer.from(answer.data).toString();
  }
}
