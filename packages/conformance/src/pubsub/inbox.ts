import type { Message, MessageHandler, PubSub, RequestMetadata } from '@outrigger/core';
import { vi } from 'vitest';
import { never } from '../within.ts';
import { missing } from './names.ts';

export type Work = (text: string, attempt: number, message: Message) => void | Promise<void>;

export async function publishText(
  pubSub: PubSub,
  topic: string,
  text: string,
  metadata: RequestMetadata = {},
  signal: AbortSignal = never,
): Promise<void> {
  await pubSub.publish({ topic, data: Buffer.from(text), contentType: 'text/plain', metadata }, signal);
}

/** What a subscription was handed, in the order it was handed over, and what became of it. */
export class Inbox {
  /** Every hand-over, also of what failed then. */
  readonly handed: Message[] = [];
  readonly handedTexts: string[] = [];
  /** What the handler resolved for. */
  readonly handledTexts: string[] = [];
  readonly handler: MessageHandler;
  readonly #patienceMs: number;
  readonly #attempts = new Map<string, number>();

  /** `work` is the handler; the default succeeds at once. `attempt` counts the hand-overs of this text from 1. */
  constructor(patienceMs: number, work: Work = () => {}) {
    this.#patienceMs = patienceMs;
    this.handler = async (message) => {
      const text = this.note(message);
      await work(text, this.attemptsOf(text), message);
      this.handledTexts.push(text);
    };
  }

  /** Writes a hand-over down. */
  note(message: Message): string {
    const text = Buffer.from(message.data).toString();
    this.#attempts.set(text, this.attemptsOf(text) + 1);
    this.handed.push(message);
    this.handedTexts.push(text);
    return text;
  }

  attemptsOf(text: string): number {
    return this.#attempts.get(text) ?? 0;
  }

  /** Resolves once each of these has been handled at least once; `extraMs` is what they may take beyond a plain arrival. */
  async hasHandled(expected: readonly string[], extraMs = 0): Promise<void> {
    await allHandled(expected, [this], this.#patienceMs + extraMs);
  }

  /** Resolves once so many hand-overs were begun. */
  async wasHanded(count: number, extraMs = 0): Promise<void> {
    await vi.waitFor(
      () => {
        if (this.handed.length < count) throw new Error(`handed over: ${this.handed.length} of ${count}`);
      },
      { timeout: this.#patienceMs + extraMs, interval: 5 },
    );
  }
}

/** Resolves once each of these has been handled at least once by one of the inboxes. */
export async function allHandled(
  expected: readonly string[],
  inboxes: readonly { readonly handledTexts: readonly string[] }[],
  timeout: number,
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
