import { setTimeout as delay } from 'node:timers/promises';
import { expect, vi } from 'vitest';
import type { PubSubCase } from './case.ts';
import { never } from '../within.ts';
import { Gate } from './inbox.ts';
import { heldBytes } from './memory.ts';
import { missing, texts, unique } from './names.ts';

const bytesEach = 64 * 1024;
const mebibyte = 1024 * 1024;
const defaultBacklog = 128 * mebibyte;
const lanes = 8;

export const backpressureCases: readonly PubSubCase[] = [
  {
    title: 'while a handler is stuck the component stops fetching: a backlog in the broker does not fill the process',
    unless: ({ isolated }) => isolated && 'the broker is this process',
    async run(setUp) {
      await using pubSub = await setUp.create();
      await using publisher = await setUp.create(unique('publisher'));
      const topic = unique('backpressure');
      const { backlogBytes = defaultBacklog } = setUp.quirks;
      const all = texts(Math.ceil(backlogBytes / bytesEach));
      const mostHeldBytes = backlogBytes / 2;
      let handed = 0;
      const handled = new Set<string>();
      const handler = async ({ data }: { readonly data: Uint8Array }) => {
        handed++;
        // not the message itself: what the test keeps must not look like what the component holds
        const text = Buffer.from(data.buffer, data.byteOffset, 32).toString().trimEnd();
        await gate.pass();
        handled.add(text);
      };
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, handler, never);
      using gate = new Gate();

      const before = heldBytes();
      const waiting = all.entries();
      const publish = async () => {
        for (const [, text] of waiting) {
          await publisher.publish(
            { topic, data: Buffer.alloc(bytesEach, text.padEnd(32)), metadata: setUp.ordered },
            never,
          );
        }
      };
      await Promise.all(Array.from({ length: lanes }, publish));
      await vi.waitUntil(() => handed > 0, { timeout: setUp.arrivesWithinMs });
      // so that a component that goes on fetching has had the time to
      await delay(1000);
      const held = () => Math.round((heldBytes() - before) / mebibyte);
      await expect.poll(held, { timeout: 5000, interval: 500 }).toBeLessThan(mostHeldBytes / mebibyte);
      expect(handed * bytesEach).toBeLessThanOrEqual(mostHeldBytes);

      gate.open();
      const timeout = 2 * setUp.arrivesWithinMs + setUp.redeliveredWithinMs;
      await vi.waitUntil(() => handled.size >= all.length, { timeout, interval: 50 }).catch(() => {});
      expect(missing(all, [...handled])).toEqual([]);
    },
  },
  {
    title: 'a handler that is slow gets no more than a bounded number at a time, and all in the end',
    async run(setUp) {
      await using pubSub = await setUp.create();
      const topic = unique('bounded');
      let running = 0;
      let most = 0;
      const inbox = setUp.inbox(async () => {
        most = Math.max(most, ++running);
        await delay(2);
        running--;
      });
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      const all = texts(1000);
      const waiting = all.entries();
      const publish = async () => {
        for (const [, text] of waiting) {
          await pubSub.publish({ topic, data: Buffer.from(text), metadata: setUp.ordered }, never);
        }
      };
      await Promise.all(Array.from({ length: lanes }, publish));
      await inbox.hasHandled(all, 2 * all.length);
      expect(most).toBeLessThanOrEqual(500);
    },
  },
];
