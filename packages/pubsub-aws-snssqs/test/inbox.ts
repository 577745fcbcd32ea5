import type { Message, MessageHandler } from '@outrigger/core';
import { vi } from 'vitest';

/** What a subscription was handed and what it handled, as texts. */
export class TextInbox {
  readonly handed: string[] = [];
  readonly handled: string[] = [];
  readonly handler: MessageHandler;

  /** `attempt` counts the hand-overs of this text from 1. */
  constructor(work: (text: string, attempt: number) => void | Promise<void> = () => {}) {
    this.handler = async ({ data }: Message) => {
      const text = Buffer.from(data).toString();
      this.handed.push(text);
      await work(text, this.handed.filter((other) => other === text).length);
      this.handled.push(text);
    };
  }

  async has(count: number, timeout = 20_000): Promise<void> {
    const check = () => {
      if (this.handled.length < count) throw new Error(`handled ${this.handled.length} of ${count}`);
    };
    await vi.waitFor(check, { timeout, interval: 10 });
  }
}
