import { setTimeout as delay } from 'node:timers/promises';
import { ComponentError, type PubSub } from '@outrigger/core';
import { expect, vi } from 'vitest';

export const never = new AbortController().signal;
export const patient = { timeout: 60_000, interval: 10 };

export function publish(pubSub: PubSub, topic: string, text: string, metadata = {}): Promise<void> {
  return pubSub.publish({ topic, data: Buffer.from(text), metadata }, never);
}

/** What a subscription handled; the handler succeeds. */
export async function collect(pubSub: PubSub, topic: string): Promise<{ seen: string[] } & AsyncDisposable> {
  const seen: string[] = [];
  const handler = async ({ data }: { data: Uint8Array }) => void seen.push(Buffer.from(data).toString());
  const subscription = await pubSub.subscribe({ topic, metadata: {} }, handler, never);
  return { seen, [Symbol.asyncDispose]: () => subscription[Symbol.asyncDispose]() };
}

/** Publishes numbered messages to one topic until it is stopped, and knows which were confirmed. */
export class SteadyPublisher {
  readonly confirmed: string[] = [];
  refused = 0;
  readonly #running: Promise<void>;
  #stopped = false;

  constructor(pubSub: PubSub, topic: string) {
    this.#running = this.#run(pubSub, topic);
  }

  /** Resolves once so many more have been confirmed. */
  async confirms(count: number): Promise<void> {
    const target = this.confirmed.length + count;
    await vi.waitUntil(() => this.confirmed.length >= target, patient);
  }

  async refuses(): Promise<void> {
    const before = this.refused;
    await vi.waitUntil(() => this.refused > before, patient);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(pubSub: PubSub, topic: string): Promise<void> {
    for (let index = 0; !this.#stopped; index++) {
      try {
        await publish(pubSub, topic, `${topic} ${index}`);
        this.confirmed.push(`${topic} ${index}`);
        await delay(1);
      } catch (error) {
        expect(ComponentError.is(error) && error.retryable, String(error)).toBe(true);
        this.refused++;
        await delay(20);
      }
    }
  }
}
