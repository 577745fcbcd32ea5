import { errorMessage, type Message } from '@outrigger/core';

import type { SubscriptionSpec, TopicEvent } from '../app-channel/app-channel.ts';
import { hasExpired, readMessage } from './cloud-event-received.ts';
import type { Broker } from './pubsub-broker.ts';
import { isRawPayload } from './pubsub-metadata.ts';
import { compileRoutes, type Router } from './routing.ts';

/** A message that no app will see: it is acknowledged, and goes to the dead letter topic where there is one. */
export interface Undeliverable {
  /** Id of the event. */
  readonly event: string;
  /** Why. */
  readonly undeliverable: string;
}

/** Turns the messages of one subscription into events for the app. */
export class EventReader {
  readonly rawPayload: boolean;
  readonly #broker: Broker;
  readonly #route: Router;

  private constructor(broker: Broker, rawPayload: boolean, route: Router) {
    this.#broker = broker;
    this.rawPayload = rawPayload;
    this.#route = route;
  }

  /** Rejects when the subscription can never work: a bad routing expression, a `rawPayload` that is no boolean. */
  static async compile(broker: Broker, spec: SubscriptionSpec): Promise<EventReader> {
    return new EventReader(broker, rawPayloadOf(spec), await compileRoutes(spec.rules));
  }

  /** Throws when the message cannot be read or routed. */
  read(message: Message): TopicEvent | Undeliverable {
    const topic = this.#broker.appTopic(message.topic);
    const { cloudEvent, body } = readMessage(message, this.rawPayload, this.#broker.name, topic);
    const event = String(cloudEvent['id']);
    // what has expired on its way to a dead letter topic is there to be looked at
    if (hasExpired(cloudEvent, Date.now()) && !this.#broker.deadLetterTopics.has(topic)) {
      return { event, undeliverable: `it expired at ${String(cloudEvent['expiration'])}` };
    }
    const path = this.#route(cloudEvent);
    if (path === undefined) return { event, undeliverable: 'no route matches it' };
    return { pubsubName: this.#broker.name, topic, path, cloudEvent, body, metadata: message.metadata };
  }
}

function rawPayloadOf({ metadata }: SubscriptionSpec): boolean {
  try {
    return isRawPayload(metadata);
  } catch (error) {
    throw new TypeError(`${errorMessage(error)}; mend it in the metadata of the subscription`, { cause: error });
  }
}
