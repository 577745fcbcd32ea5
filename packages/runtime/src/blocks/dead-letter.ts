import { errorMessage, type Logger, type Message } from '@outrigger/core';

import type { Broker } from './pubsub-broker.ts';

const publishTimeoutMs = 30_000;

/** Where messages go that could not be handled: another topic of the same component, with their bytes and metadata as they came. */
export class DeadLetterTopic {
  readonly #broker: Broker;
  readonly #topic: string;
  readonly #logger: Logger;

  constructor(broker: Broker, topic: string, logger: Logger) {
    this.#broker = broker;
    this.#topic = topic;
    this.#logger = logger;
  }

  /**
   * Answers whether the broker took the message; the reason why not is logged. Has 30 s of its own, because the time of an
   * attempt may be used up; `signal` aborts when the delivery as a whole is no longer waited for.
   */
  async take({ topic, data, contentType, metadata }: Message, signal: AbortSignal): Promise<boolean> {
    try {
      if (this.#broker.scopes.publish?.(this.#topic) === false) {
        throw new Error(`topic ${this.#topic} is not allowed for app id ${this.#broker.appId}`);
      }
      const request = { topic: this.#topic, data, metadata, ...(contentType === undefined ? {} : { contentType }) };
      await this.#broker.send(request, AbortSignal.any([signal, AbortSignal.timeout(publishTimeoutMs)]));
      return true;
    } catch (error) {
      const reason = errorMessage(error);
      this.#logger.error(
        `sending a message of topic ${topic} to the dead letter topic ${this.#topic} failed: ${reason}`,
      );
      return false;
    }
  }
}
