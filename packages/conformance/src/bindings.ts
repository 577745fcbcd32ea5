import type { Bindings, RequestMetadata } from '@outrigger/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inputCases } from './bindings/input.ts';
import { outputCases } from './bindings/output.ts';

/** Where bindings rightly differ. Data, not switches: what is absent is the strict reading of the contract. */
export interface BindingsQuirks {
  /**
   * Metadata under which an output keeps and finds an item of that name. Without it, as for an endpoint that only does
   * things, nothing is read back.
   */
  readonly address?: (name: string) => RequestMetadata;
  /** What `get` answers for an item that is not there. Default `nothing`; `error` is a rejection with `not-found`. */
  readonly absence?: 'nothing' | 'error';
  /** Makes the source of an input have one more event with this data. Without it events come by themselves, with any data. */
  readonly emit?: (data: Uint8Array) => Promise<void>;
  /** The source of an input cannot take an event back: one that failed is gone. Default false. */
  readonly forgets?: boolean;
  /** How long an event, or one that failed, may take to come. Default 5000. */
  readonly deliveredWithinMs?: number;
}

/** A connected instance; the suite disposes it. Names of items are unique per case, so the backend need not be empty. */
export type CreateBinding = () => Promise<Bindings>;

/**
 * Registers the cases that every binding has to pass, output, input or both; call it inside a test file.
 *
 * @example
 * bindingsConformance(() => create({ rootPath: folder }), { address: (name) => ({ fileName: name }), absence: 'error' });
 */
export function bindingsConformance(createBinding: CreateBinding, quirks: BindingsQuirks = {}): void {
  const create = async (): Promise<Bindings> => {
    const binding = await createBinding();
    onTestFinished(() => binding[Symbol.asyncDispose]());
    return binding;
  };

  describe('bindings conformance', () => {
    it('is an output, an input or both, and names operations only as an output', async () => {
      const binding = await create();
      const { operations } = binding;
      const isOutput = binding.invoke !== undefined;
      expect(isOutput || binding.read !== undefined).toBe(true);
      expect(operations.length > 0).toBe(isOutput);
      expect(new Set(operations).size).toBe(operations.length);
    });

    it('refuses calls once it is disposed, which may be done twice', async () => {
      const binding = await create();
      await binding[Symbol.asyncDispose]();
      await binding[Symbol.asyncDispose]();
      const { signal } = new AbortController();
      const [operation = ''] = binding.operations;
      const metadata = quirks.address?.('too-late') ?? {};
      const late = async () => binding.invoke?.({ operation, data: new Uint8Array(), metadata }, signal);
      const ended = { code: 'unavailable' };
      if (binding.invoke !== undefined) await expect(late()).rejects.toMatchObject(ended);
      if (binding.read !== undefined) await expect(binding.read(async () => ({}), signal)).rejects.toMatchObject(ended);
    });

    outputCases(create, quirks);
    inputCases(create, quirks);
  });
}
