import type { Logger } from '@outrigger/core';
import type { TopicEventRequest } from '@outrigger/protocol/runtime';
import type { TopicEvent, TopicEventStatus } from '@outrigger/runtime';

import { topicEventRequest } from './topic-event-request.ts';

/** By their numbers in TopicEventResponse. */
const statuses: readonly TopicEventStatus[] = ['SUCCESS', 'RETRY', 'DROP'];

/**
 * Events on their way to one subscriber, and its answers, matched by the event's id. Of events with one id only one is with the
 * subscriber at a time: its answers could not be told apart.
 */
export class EventExchange {
  readonly #logger: Logger;
  readonly #inFlight = new Map<string, PromiseWithResolvers<TopicEventStatus>>();
  readonly #unsent = new Set<TopicEventRequest>();
  #changed = Promise.withResolvers<void>();
  #ended: { readonly error: Error | undefined } | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Resolves to the subscriber's answer. Rejects when the signal aborts, and for an answer that is unknown. */
  readonly deliver = async (event: TopicEvent, signal: AbortSignal): Promise<TopicEventStatus> => {
    const request = topicEventRequest(event);
    const { id } = request;
    for (let same = this.#inFlight.get(id); same !== undefined; same = this.#inFlight.get(id)) {
      await Promise.allSettled([same.promise]);
    }
    signal.throwIfAborted();
    const answer = Promise.withResolvers<TopicEventStatus>();
    const abandon = (): void => answer.reject(signal.reason);
    signal.addEventListener('abort', abandon, { once: true });
    this.#inFlight.set(id, answer);
    this.#unsent.add(request);
    this.#changed.resolve();
    try {
      return await answer.promise;
    } finally {
      signal.removeEventListener('abort', abandon);
      this.#unsent.delete(request);
      this.#inFlight.delete(id);
    }
  };

  /** What has become of an event. One that nobody waits for any more is logged and left. */
  answer(id: string, status: number): void {
    const inFlight = this.#inFlight.get(id);
    if (inFlight === undefined) {
      this.#logger.warn(`a subscriber has answered event ${id}, for which no answer is expected (any more)`);
      return;
    }
    const word = statuses[status];
    if (word !== undefined) inFlight.resolve(word);
    else {
      inFlight.reject(
        new Error(`unknown status returned from app while processing pub/sub event ${id}, status: ${status}`),
      );
    }
  }

  /** Ends {@link EventExchange.events}; who ends first decides how. What is in flight goes on. */
  end(error?: Error): void {
    this.#ended ??= { error };
    this.#changed.resolve();
  }

  /** The events to send, as they come; ends, or throws, as {@link EventExchange.end} says. */
  async *events(): AsyncGenerator<TopicEventRequest> {
    for (;;) {
      for (const request of this.#unsent) {
        if (this.#ended !== undefined) break;
        this.#unsent.delete(request);
        yield request;
      }
      if (this.#ended !== undefined) break;
      await this.#changed.promise;
      this.#changed = Promise.withResolvers();
    }
    if (this.#ended.error !== undefined) throw this.#ended.error;
  }
}
