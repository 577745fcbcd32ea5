import { randomUUID } from 'node:crypto';
import type { Message, MessageHandler, PubSub } from '@outrigger/core';
import { vi } from 'vitest';

export const never: AbortSignal = new AbortController().signal;

export function unique(name: string): string {
  return `${name}-${randomUUID().slice(0, 8)}`;
}

export async function publishText(pubSub: PubSub, topic: string, text: string): Promise<void> {
  await pubSub.publish({ topic, data: Buffer.from(text), contentType: 'text/plain', metadata: {} }, never);
}

export function texts(count: number, prefix = 'message'): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`);
}

/** What a subscription was handed, in the order it was handed over, and what became of it. */
export class Inbox {
  /** Every hand-over, also of what failed then. */
  readonly handed: Message[] = [];
  /** What the handler resolved for. */
  readonly handled: Message[] = [];
  readonly handler: MessageHandler;

  /** `work` is the handler; the default succeeds at once. `attempt` counts the hand-overs of this text from 1. */
  constructor(work: (text: string, attempt: number, message: Message) => void | Promise<void> = () => {}) {
    const attempts = new Map<string, number>();
    this.handler = async (message) => {
      const text = Buffer.from(message.data).toString();
      const attempt = (attempts.get(text) ?? 0) + 1;
      attempts.set(text, attempt);
      this.handed.push(message);
      await work(text, attempt, message);
      this.handled.push(message);
    };
  }

  get handedTexts(): string[] {
    return this.handed.map(({ data }) => Buffer.from(data).toString());
  }

  get handledTexts(): string[] {
    return this.handled.map(({ data }) => Buffer.from(data).toString());
  }

  /** Resolves once each of these has been handled at least once. */
  async hasHandled(expected: readonly string[], timeout = 15_000): Promise<void> {
    await allHandled(expected, [this], timeout);
  }

  /** Resolves once so many hand-overs were begun. */
  async wasHanded(count: number, timeout = 15_000): Promise<void> {
    await vi.waitFor(
      () => {
        if (this.handed.length < count) throw new Error(`handed over: ${this.handed.length} of ${count}`);
      },
      { timeout, interval: 5 },
    );
  }
}

/** Resolves once each of these has been handled at least once by one of the inboxes. */
export async function allHandled(
  expected: readonly string[],
  inboxes: readonly Inbox[],
  timeout = 15_000,
): Promise<void> {
  const check = () => {
    const lacking = missing(
      expected,
      inboxes.flatMap((inbox) => inbox.handledTexts),
    );
    if (lacking.length > 0)
      throw new Error(`${lacking.length} of ${expected.length} not handled, such as "${lacking[0]}"`);
  };
  await vi.waitFor(check, { timeout, interval: 5 });
}

export function missing(expected: readonly string[], actual: readonly string[]): string[] {
  const there = new Set(actual);
  return expected.filter((text) => !there.has(text));
}

/** Handlers wait at it until it is opened, at the latest when the test ends. */
export class Gate implements Disposable {
  readonly #opened = Promise.withResolvers<void>();

  pass(): Promise<void> {
    return this.#opened.promise;
  }

  open(): void {
    this.#opened.resolve();
  }

  [Symbol.dispose](): void {
    this.open();
  }
}
