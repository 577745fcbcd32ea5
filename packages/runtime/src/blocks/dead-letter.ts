import type { Message } from '@outrigger/core';

import type { Broker } from './pubsub-broker.ts';

const publishTimeoutMs = 30_000;

/** Where messages go that could not be handled: another topic of the same component, with their bytes and metadata as they came. */
export class DeadLetterTopic {
  readonly topic: string;
  readonly #broker: Broker;

  constructor(broker: Broker, topic: string) {
    this.#broker = broker;
    this.topic = topic;
  }

  /**
   * Rejects when the broker did not take the message. Has 30 s of its own, because the time of an attempt may be used up;
   * `signal` aborts when the delivery as a whole is no longer waited for.
   */
  async take({ data, contentType, metadata }: Message, signal: AbortSignal): Promise<void> {
    const { topic } = this;
    if (this.#broker.scopes.publish?.(topic) === false) {
      throw new Error(`topic ${topic} is not allowed for app id ${this.#broker.appId}`);
    }
    const request = { topic, data, metadata, ...(contentType === undefined ? {} : { contentType }) };
    await this.#broker.send(request, AbortSignal.any([signal, AbortSignal.timeout(publishTimeoutMs)]));
  }
}
