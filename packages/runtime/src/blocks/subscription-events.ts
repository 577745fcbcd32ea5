import { errorMessage, type Message } from '@outrigger/core';

import type { SubscriptionSpec, TopicEvent } from '../app-channel/app-channel.ts';
import { hasExpired, readMessage } from './cloud-event-received.ts';
import type { Broker } from './pubsub-broker.ts';
import { isRawPayload } from './pubsub-metadata.ts';
import { compileRoutes, type Router } from './routing.ts';

/** A message that no app will see: it is acknowledged, and goes to the dead letter topic where there is one. */
export interface Undeliverable {
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
    if (hasExpired(cloudEvent, Date.now())) {
      return {
        undeliverable: `event ${String(cloudEvent['id'])} has expired as of ${String(cloudEvent['expiration'])}`,
      };
    }
    const path = this.#route(cloudEvent);
    if (path === undefined) return { undeliverable: `no route matches event ${String(cloudEvent['id'])}` };
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
