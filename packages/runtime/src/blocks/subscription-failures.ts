import { errorMessage, type Logger, type Message } from '@outrigger/core';

import type { DeadLetterTopic } from './dead-letter.ts';

const windowMs = 30_000;
const mostLines = 10;
const mostRemembered = 1000;
const mostNamed = 5;

export interface SubscriptionFailuresOptions {
  readonly pubsubName: string;
  readonly deadLetters: DeadLetterTopic | undefined;
  readonly logger: Logger;
}

/**
 * What becomes of the messages of one subscription that the app did not take, and what the log says of it. The first failure of
 * an event is a warning, up to 10 of them in 30 s; what fails again is one warning in 30 s with a count. The rest is at debug,
 * with the stack.
 */
export class SubscriptionFailures {
  readonly #pubsubName: string;
  readonly #deadLetters: DeadLetterTopic | undefined;
  readonly #logger: Logger;
  readonly #known = new Set<string>();
  #windowStart = -Infinity;
  #lines = 0;
  #untold = 0;
  #givenBack = 0;

  constructor({ pubsubName, deadLetters, logger }: SubscriptionFailuresOptions) {
    this.#pubsubName = pubsubName;
    this.#deadLetters = deadLetters;
    this.#logger = logger;
  }

  get hasDeadLetters(): boolean {
    return this.#deadLetters !== undefined;
  }

  /**
   * A message that failed: resolves when the dead letter topic has it, rejects with `error` when it is to come again.
   * @param event its id; `undefined` when it has none that could be read
   */
  async failed(message: Message, event: string | undefined, error: unknown, signal: AbortSignal): Promise<void> {
    const events = event === undefined ? [] : [event];
    if (this.#deadLetters === undefined) this.comeAgain(message.topic, events, error);
    else {
      const refusal = await this.#bury(message, event, errorMessage(error), signal);
      if (refusal === undefined) return this.#debug(message.topic, events, error);
      if (signal.aborted) this.givenBack(message.topic, events, error);
      else this.comeAgain(message.topic, events, error, `; ${refusal}`);
    }
    throw error;
  }

  /** A message that is not to come again: resolves when the dead letter topic has it or there is none, rejects otherwise. */
  async dropped(message: Message, event: string, reason: string, signal: AbortSignal): Promise<void> {
    if (this.#deadLetters === undefined) {
      this.#logger.warn(`dropping ${this.#nameOf(message.topic, [event])}: ${reason}`);
      return;
    }
    const refusal = await this.#bury(message, event, reason, signal);
    if (refusal === undefined) return;
    const error = new Error(`${reason}; ${refusal}`);
    if (signal.aborted) this.givenBack(message.topic, [event], error);
    else this.comeAgain(message.topic, [event], error);
    throw error;
  }

  /** Logs that messages failed which the broker is to deliver again. */
  comeAgain(topic: string, events: readonly string[], error: unknown, addition = ''): void {
    const reason = errorMessage(error);
    this.#debug(topic, events, error);
    const untold = this.#untoldBefore(events[0] ?? reason);
    if (untold === undefined) return;
    const more = untold === 0 ? '' : ` (${untold} more failed in the meantime, see the log at level debug)`;
    this.#logger.warn(`${this.#nameOf(topic, events)} failed and will come again: ${reason}${addition}${more}`);
  }

  /** Counts messages that go back because delivery ends. */
  givenBack(topic: string, events: readonly string[], error: unknown): void {
    this.#givenBack += events.length || 1;
    this.#debug(topic, events, error);
  }

  /** Logs what was given back since it was last told. */
  tellGivenBack(topic: string): void {
    const count = this.#givenBack;
    if (count === 0) return;
    this.#givenBack = 0;
    const messages = count === 1 ? '1 message' : `${count} messages`;
    const fate =
      count === 1
        ? 'was not handled before delivery ended; it goes'
        : 'were not handled before delivery ended; they go';
    this.#logger.info(`${messages} of topic ${topic} on pubsub ${this.#pubsubName} ${fate} back to the broker`);
  }

  /** Answers why the dead letter topic did not take it. */
  async #bury(
    message: Message,
    event: string | undefined,
    reason: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { topic = '' } = this.#deadLetters ?? {};
    try {
      await this.#deadLetters?.take(message, signal);
    } catch (error) {
      return `the dead letter topic ${topic} did not take it: ${errorMessage(error)}`;
    }
    const name = this.#nameOf(message.topic, event === undefined ? [] : [event]);
    this.#logger.warn(`${name} went to the dead letter topic ${topic}: ${reason}`);
    return undefined;
  }

  #nameOf(topic: string, events: readonly string[]): string {
    const [first] = events;
    const rest = events.length > mostNamed ? ', …' : '';
    const what =
      first === undefined
        ? 'a message'
        : events.length === 1
          ? `event ${first}`
          : `${events.length} events (${events.slice(0, mostNamed).join(', ')}${rest})`;
    return `${what} of topic ${topic} on pubsub ${this.#pubsubName}`;
  }

  /** With the stack of what the app's own code has thrown. */
  #debug(topic: string, events: readonly string[], error: unknown): void {
    if (!this.#logger.isEnabled('debug')) return;
    const cause = error instanceof Error ? error.cause : undefined;
    const detail = (cause instanceof Error ? cause.stack : undefined) ?? errorMessage(error);
    this.#logger.debug(`delivering ${this.#nameOf(topic, events)} failed: ${detail}`);
  }

  /** How many failures were not told since the last one that was; `undefined`: neither is this one. */
  #untoldBefore(key: string): number | undefined {
    const now = performance.now();
    if (now - this.#windowStart >= windowMs) {
      this.#windowStart = now;
      this.#lines = 0;
    }
    const isNew = !this.#known.has(key);
    if (isNew) {
      if (this.#known.size >= mostRemembered) this.#known.clear();
      this.#known.add(key);
    }
    if (this.#lines > 0 && !(isNew && this.#lines < mostLines)) {
      this.#untold++;
      return undefined;
    }
    this.#lines++;
    const untold = this.#untold;
    this.#untold = 0;
    return untold;
  }
}
