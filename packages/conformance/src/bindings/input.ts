import { randomUUID } from 'node:crypto';
import type { BindingEvent, BindingEventHandler, Subscription } from '@outrigger/core';
import { describe, expect, it, onTestFinished, type TestContext, vi } from 'vitest';
import type { BindingsQuirks, CreateBinding } from '../bindings.ts';
import { patience } from '../within.ts';

const { signal } = new AbortController();

export function inputCases(create: CreateBinding, quirks: BindingsQuirks): void {
  const { emit, forgets = false, deliveredWithinMs = 5000 } = quirks;
  const eventually = { timeout: deliveredWithinMs * patience, interval: 10 };

  /** The events of one reader, its own ones where the suite can tell; the case does not apply to a component that is no input. */
  async function reader(skip: TestContext['skip'], handle: BindingEventHandler): Promise<Reader> {
    const binding = await create();
    if (binding.read === undefined) return skip('the component is no input');
    const own = randomUUID();
    const events: BindingEvent[] = [];
    const subscription = await binding.read(async (event, attempt) => {
      if (emit !== undefined && !Buffer.from(event.data).toString().startsWith(own)) return {};
      events.push(event);
      return handle(event, attempt);
    }, signal);
    onTestFinished(() => subscription[Symbol.asyncDispose]());
    return { events, subscription, emit: async (text) => emit?.(Buffer.from(`${own} ${text}`)) };
  }

  const waitFor = async (one: Reader, count: number) =>
    vi.waitFor(() => expect(one.events.length).toBeGreaterThanOrEqual(count), eventually);

  describe('as an input', () => {
    it('hands over every event, with metadata that are texts', async ({ skip }) => {
      const one = await reader(skip, async () => ({}));
      await one.emit('first');
      await one.emit('second');
      await waitFor(one, 2);
      for (const { metadata } of one.events) {
        expect(Object.values(metadata).filter((value) => typeof value !== 'string')).toEqual([]);
      }
      if (emit === undefined) return;
      const texts = one.events.map(({ data }) => Buffer.from(data).toString().split(' ')[1]);
      expect(new Set(texts)).toEqual(new Set(['first', 'second']));
    });

    it('goes on after an event that was not handled, which comes again where the source can take it back', async ({
      skip,
    }) => {
      let fails = true;
      const one = await reader(skip, async () => {
        if (!fails) return {};
        fails = false;
        throw new Error('not now');
      });
      await one.emit('again');
      await waitFor(one, emit !== undefined && forgets ? 1 : 2);
      if (emit === undefined) return;
      const [first, second] = one.events;
      if (!forgets) expect(second?.data).toEqual(first?.data);
      await one.emit('next');
      await vi.waitFor(
        () => expect(Buffer.from(one.events.at(-1)?.data ?? []).toString()).toMatch(/next$/),
        eventually,
      );
    });

    it('hands nothing over while paused, and goes on after it', async ({ skip }) => {
      const one = await reader(skip, async () => ({}));
      await one.subscription.pause();
      const before = one.events.length;
      await one.emit('held');
      await new Promise((resolve) => setTimeout(resolve, 100)); // what must not happen has no event to wait for
      expect(one.events.length).toBe(before);
      await one.subscription.resume();
      await waitFor(one, before + 1);
    });

    it('does not begin for a caller that has gone', async ({ skip }) => {
      const binding = await create();
      if (binding.read === undefined) return skip('the component is no input');
      const gone = AbortSignal.abort(new Error('no longer wanted'));
      await expect(binding.read(async () => ({}), gone)).rejects.toThrow('no longer wanted');
    });

    it('ends when the events being handled have ended, and hands over no other', async ({ skip }) => {
      const gate = Promise.withResolvers<void>();
      const one = await reader(skip, async () => {
        await gate.promise;
        return {};
      });
      await one.emit('slow');
      await waitFor(one, 1);
      let ended = false;
      const end = one.subscription[Symbol.asyncDispose]().then(() => {
        ended = true;
      });
      const handed = one.events.length;
      await one.emit('late');
      await new Promise((resolve) => setTimeout(resolve, 100)); // as above
      expect({ ended, handed: one.events.length }).toEqual({ ended: false, handed });
      gate.resolve();
      await end;
      expect(one.events.length).toBe(handed);
    });
  });
}

interface Reader {
  readonly events: BindingEvent[];
  readonly subscription: Subscription;
  emit(text: string): Promise<void>;
}
