import { randomUUID } from 'node:crypto';
import type { Bindings, RequestMetadata } from '@outrigger/core';
import { describe, expect, it, type TestContext } from 'vitest';
import type { BindingsQuirks, CreateBinding } from '../bindings.ts';

const { signal } = new AbortController();

type Skip = TestContext['skip'];

export function outputCases(create: CreateBinding, { address, absence = 'nothing' }: BindingsQuirks): void {
  /** The output with an item of its own; the case does not apply to a component that is none, or lacks one of the operations. */
  async function item(skip: Skip, ...operations: readonly string[]): Promise<Item> {
    const binding = await create();
    if (address === undefined) return skip('the component keeps no items');
    const lacking = operations.filter((operation) => !binding.operations.includes(operation));
    return lacking.length > 0
      ? skip(`the component has no ${lacking.join(', ')}`)
      : new Item(binding, address(`item-${randomUUID()}`));
  }

  describe('as an output', () => {
    it('refuses an operation that it does not name', async ({ skip }) => {
      const binding = await create();
      if (binding.invoke === undefined) return skip('the component is no output');
      const request = { operation: 'no-such-operation', data: new Uint8Array(), metadata: address?.('x') ?? {} };
      await expect(binding.invoke(request, signal)).rejects.toMatchObject({ code: 'unsupported' });
    });

    it('does nothing for a caller that has gone', async ({ skip }) => {
      const one = await item(skip, 'create', 'get');
      await expect(one.invoke('create', 'late!', AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
      await absent(one);
    });

    it.for([
      ['a text', 'a text!'],
      ['JSON', '{"a": 1, "b": [true, null]}'],
      ['letters beyond ASCII', '§ ütf-8 ✓'],
      ['much', `${'x'.repeat(100_000)}!`],
    ])('gives back what it was given: %s', async ([, data], { skip }) => {
      const one = await item(skip, 'create', 'get');
      await one.invoke('create', data);
      expect(await one.invoke('get')).toBe(data);
      await one.invoke('create', `${data}?`);
      expect(await one.invoke('get')).toBe(`${data}?`);
    });

    it('keeps items apart, also when many callers come at once', async ({ skip }) => {
      const items = await Promise.all(Array.from({ length: 20 }, () => item(skip, 'create', 'get')));
      await Promise.all(items.map((one, index) => one.invoke('create', `item ${index}`)));
      expect(await Promise.all(items.map((one) => one.invoke('get')))).toEqual(
        items.map((_, index) => `item ${index}`),
      );
    });

    it('has nothing where nothing was created, and nothing after a deletion', async ({ skip }) => {
      const one = await item(skip, 'create', 'get', 'delete');
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
