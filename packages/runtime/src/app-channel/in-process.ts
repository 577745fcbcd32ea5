import { abortable, errorMessage, type Logger, silentLogger } from '@outrigger/core';

import type { CloudEvent } from '../blocks/cloud-event.ts';
import {
  type AppChannel,
  AppError,
  type AppRequest,
  type AppResponse,
  type BulkTopicEvent,
  type HeaderMap,
  type InputBinding,
  type InputBindingAnswer,
  type InputBindingEvent,
  type SubscriptionSpec,
  type TopicEvent,
  type TopicEventStatus,
} from './app-channel.ts';

/**
 * Handles one event. Returning nothing means `SUCCESS`; a throw means that it is to come again, and is logged. One that goes on after `context.signal` has
 * aborted is not waited for, and its event may be delivered again.
 */
export type TopicHandler<Data = unknown> = (
  event: CloudEvent & { readonly data?: Data },
  context: TopicEventContext,
) => Promise<TopicEventStatus | void> | TopicEventStatus | void;

export interface TopicEventContext {
  readonly pubsubName: string;
  readonly topic: string;
  /** What the broker says of the message. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Aborts when the outcome is no longer waited for. */
  readonly signal: AbortSignal;
}

export interface TopicRoute {
  /** CEL over `event`; the first route whose expression holds gets the event. Absent: it always does. */
  readonly match?: string;
  readonly handler: TopicHandler;
}

export interface InProcessSubscription {
  readonly pubsubName: string;
  readonly topic: string;
  readonly deadLetterTopic?: string;
  /** For the component; `rawPayload: 'true'` wraps messages that are no CloudEvents. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Takes what no route takes. */
  readonly handler?: TopicHandler;
  readonly routes?: readonly TopicRoute[];
}

/** An answer to an invocation; a plain value is sent as JSON with status 200, nothing as 204. */
export interface InvokeAnswer {
  readonly status: number;
  readonly headers?: HeaderMap;
  readonly body?: AppResponse['body'];
}

export type InvokeHandler = (
  request: AppRequest,
  signal: AbortSignal,
) => Promise<InvokeAnswer | void> | InvokeAnswer | void;

/** What a handler makes of a binding's event; nothing at all is fine. */
export type BindingAnswer = Partial<InputBindingAnswer>;

/**
 * Handles one event of an input binding. Returning means that the source may forget it; a throw gives it back where the source
 * can take it back. One that goes on after the signal has aborted is not waited for.
 */
export type BindingHandler = (
  event: Omit<InputBindingEvent, 'path'>,
  signal: AbortSignal,
) => Promise<BindingAnswer | void> | BindingAnswer | void;

export interface InProcessApp {
  readonly subscribe?: readonly InProcessSubscription[];
  /** By method name, the path without its leading slash. */
  readonly invoke?: Readonly<Record<string, InvokeHandler>>;
  /** By name of the input binding. */
  readonly bindings?: Readonly<Record<string, BindingHandler>>;
  /** Whether the app is able to work. Default: always. */
  readonly healthy?: () => Promise<boolean> | boolean;
  /** Where a throw is reported that no caller sees: of the health check and of a method. Default: nowhere. */
  readonly logger?: Logger;
}

/**
 * An app made of functions of this very process, for library mode and tests.
 *
 * @example
 * const app = inProcessApp({
 *   subscribe: [{ pubsubName: 'pubsub', topic: 'orders', handler: async (event) => ship(event.data) }],
 *   invoke: { health: () => ({ status: 200 }) },
 * });
 * const runtime = await createRuntime({ appId: 'shipping', app });
 */
export function inProcessApp(app: InProcessApp): AppChannel {
  return new InProcessAppChannel(app);
}

class InProcessAppChannel implements AppChannel {
  readonly #app: InProcessApp;
  readonly #logger: Logger;
  readonly #specs: SubscriptionSpec[] = [];
  readonly #handlers = new Map<string, TopicHandler>();

  constructor(app: InProcessApp) {
    this.#app = app;
    this.#logger = app.logger ?? silentLogger;
    for (const [index, subscription] of (app.subscribe ?? []).entries()) {
      const routes: readonly TopicRoute[] = [
        ...(subscription.routes ?? []),
        ...(subscription.handler === undefined ? [] : [{ handler: subscription.handler }]),
      ];
      const rules = routes.map(({ match, handler }, position) => {
        const path = `/subscribe/${index}/${position}`;
        this.#handlers.set(path, handler);
        return match === undefined ? { path } : { match, path };
      });
      const { pubsubName, topic, deadLetterTopic, metadata = {} } = subscription;
      this.#specs.push({
        pubsubName,
        topic,
        metadata,
        rules,
        ...(deadLetterTopic === undefined ? {} : { deadLetterTopic }),
      });
    }
  }

  async ready(): Promise<void> {}

  async probe(signal: AbortSignal): Promise<boolean> {
    try {
      return (
        (await abortable(
          resultOf(() => this.#app.healthy?.()),
          signal,
        )) ?? true
      );
    } catch (error) {
      signal.throwIfAborted();
      this.#logger.warn(`the app's health check failed: ${errorMessage(error)}`);
      return false;
    }
  }

  async subscriptions(): Promise<readonly SubscriptionSpec[]> {
    return this.#specs;
  }

  async invoke(request: AppRequest, signal: AbortSignal): Promise<AppResponse> {
    const method = request.path.replace(/^\//, '');
    const handler = Object.hasOwn(this.#app.invoke ?? {}, method) ? this.#app.invoke?.[method] : undefined;
    if (handler === undefined) return { status: 404, headers: {}, body: undefined };
    try {
      const answer = await handler(request, signal);
      return { status: answer?.status ?? 204, headers: answer?.headers ?? {}, body: answer?.body };
    } catch (error) {
      signal.throwIfAborted();
      this.#logger.error(`the handler of method ${method} failed: ${errorMessage(error)}`);
      const body = Buffer.from(JSON.stringify({ error: errorMessage(error) }));
      return { status: 500, headers: { 'content-type': 'application/json' }, body };
    }
  }

  async deliver(event: TopicEvent, signal: AbortSignal): Promise<TopicEventStatus> {
    return this.#handle(event.path, event.cloudEvent, event, signal);
  }

  async deliverMany(event: BulkTopicEvent, signal: AbortSignal): Promise<ReadonlyMap<string, TopicEventStatus>> {
    let thrown: { readonly error: unknown } | undefined;
    const statuses = await Promise.all(
      event.entries.map(async (entry): Promise<[string, TopicEventStatus]> => {
        const cloudEvent = typeof entry.event === 'string' ? { data_base64: entry.event } : entry.event;
        const { pubsubName, topic } = event;
        const context = { pubsubName, topic, metadata: entry.metadata };
        try {
          return [entry.entryId, await this.#handle(event.path, cloudEvent, context, signal)];
        } catch (error) {
          signal.throwIfAborted();
          thrown ??= { error };
          return [entry.entryId, 'RETRY'];
        }
      }),
    );
    // when none has succeeded, the reason can be told
    if (thrown !== undefined && statuses.every(([, status]) => status === 'RETRY')) throw thrown.error;
    return new Map(statuses);
  }

  async inputBindings(candidates: readonly InputBinding[]): Promise<ReadonlySet<string>> {
    const { bindings = {} } = this.#app;
    return new Set(candidates.map(({ name }) => name).filter((name) => Object.hasOwn(bindings, name)));
  }

  async deliverBinding(event: InputBindingEvent, signal: AbortSignal): Promise<InputBindingAnswer> {
    const { bindings = {} } = this.#app;
    const handler = Object.hasOwn(bindings, event.name) ? bindings[event.name] : undefined;
    if (handler === undefined) throw new AppError(`the app has no handler for binding ${event.name}`, 404);
    try {
      const handling = resultOf(() => handler(event, signal));
      return { to: [], concurrency: 'sequential', ...(await abortable(handling, signal)) };
    } catch (error) {
      signal.throwIfAborted();
      throw new AppError(`the handler of binding ${event.name} failed: ${errorMessage(error)}`, 500);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #handle(
    path: string,
    cloudEvent: CloudEvent,
    { pubsubName, topic, metadata }: Omit<TopicEventContext, 'signal'>,
    signal: AbortSignal,
  ): Promise<TopicEventStatus> {
    const handler = this.#handlers.get(path);
    if (handler === undefined) {
      this.#logger.warn(`no handler for ${path}: dropping an event of topic ${topic} on pubsub ${pubsubName}`);
      return 'DROP';
    }
    try {
      const handling = resultOf(() => handler(cloudEvent, { pubsubName, topic, metadata, signal }));
      return (await abortable(handling, signal)) ?? 'SUCCESS';
    } catch (error) {
      signal.throwIfAborted();
      throw new AppError(`the handler threw: ${errorMessage(error)}`, 500, { cause: error });
    }
  }
}

/** What a function of the user gives or throws, as a promise. */
async function resultOf<T>(call: () => Promise<T> | T): Promise<T> {
  return call();
}
