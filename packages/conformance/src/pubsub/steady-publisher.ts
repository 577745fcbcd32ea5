import { setTimeout as delay } from 'node:timers/promises';
import type { PubSub, RequestMetadata } from '@outrigger/core';
import { vi } from 'vitest';
import { misleading } from '../faults.ts';
import { publishText } from './inbox.ts';

/** Publishes numbered messages one after the other, each until it is confirmed, as a careful app would. */
export class SteadyPublisher implements AsyncDisposable {
  /** What the component has confirmed, in order. */
  readonly confirmed: string[] = [];
  /** What it answered instead of a confirmation. */
  readonly refusals: unknown[] = [];
  readonly #pubSub: PubSub;
  readonly #topic: string;
  readonly #metadata: RequestMetadata;
  readonly #running: Promise<void>;
  #stopped = false;

  constructor(pubSub: PubSub, topic: string, metadata: RequestMetadata) {
    this.#pubSub = pubSub;
    this.#topic = topic;
    this.#metadata = metadata;
    this.#running = this.#run();
  }

  /** Resolves once so many more than now are confirmed. */
  async confirms(count: number, timeout: number): Promise<void> {
    const target = this.confirmed.length + count;
    await vi.waitFor(
      () => {
        if (this.confirmed.length >= target) return;
        throw new Error(
          `confirmed: ${this.confirmed.length} of ${target}; last refusal: ${String(this.refusals.at(-1))}`,
        );
      },
      { timeout, interval: 5 },
    );
  }

  /** The refusals that do not say that the same publish may succeed later. */
  get misleading(): unknown[] {
    return misleading(this.refusals);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run(): Promise<void> {
    for (let number = 1; !this.#stopped; number++) {
      const text = `message-${number}`;
      while (!(await this.#published(text)) && !this.#stopped) await delay(50);
      await delay(2);
    }
  }

  async #published(text: string): Promise<boolean> {
    try {
      await publishText(this.#pubSub, this.#topic, text, this.#metadata, AbortSignal.timeout(5000));
    } catch (error) {
      this.refusals.push(error);
      return false;
    }
    this.confirmed.push(text);
    return true;
  }
}
