import type { Logger } from '@outrigger/core';
import { Empty } from '@outrigger/protocol';
import {
  AppCallbackAlphaDefinition,
  AppCallbackDefinition,
  AppCallbackHealthCheckDefinition,
  BindingEventRequest,
  BindingEventResponse,
  BindingEventResponse_BindingEventConcurrency as Concurrency,
  ListInputBindingsResponse,
  ListTopicSubscriptionsResponse,
  TopicEventRequest,
  TopicEventResponse,
} from '@outrigger/protocol/runtime';
import {
  type AppChannel,
  AppError,
  type AppRequest,
  type AppResponse,
  type BulkTopicEvent,
  grpcStatus,
  type HeaderMap,
  type InputBinding,
  type InputBindingAnswer,
  type InputBindingEvent,
  PeerError,
  type SubscriptionSpec,
  type TopicEvent,
  type TopicEventStatus,
} from '@outrigger/runtime';

import { bodyLimit } from '../blocks/invoke/whole-body.ts';
import { topicEventRequest } from '../blocks/pubsub/topic-event-request.ts';
import { asBuffer } from '@outrigger/grpc';
import type { CallStatus } from '@outrigger/grpc/client';
import { type AppCallAnswer, GrpcAppConnection, type GrpcAppConnectionOptions } from './grpc-app-connection.ts';
import { invokeAnswer, invokeMessage, tooLongAnswer } from './grpc-app-invoke.ts';
import { addTrace, componentMetadata, invokeMetadata, replaceTrace } from './grpc-app-metadata.ts';
import { bulkMessage, bulkStatuses, subscriptionSpec, topicEventStatus } from './grpc-app-topics.ts';

export interface GrpcAppChannelOptions extends GrpcAppConnectionOptions {
  /** With `subscribe` in it the app is not asked for its subscriptions. */
  readonly disabledInitEndpoints?: readonly string[];
  readonly logger: Logger;
}

const { methods } = AppCallbackDefinition;
const paths = {
  health: pathOf(AppCallbackHealthCheckDefinition, AppCallbackHealthCheckDefinition.methods.healthCheck),
  subscriptions: pathOf(AppCallbackDefinition, methods.listTopicSubscriptions),
  event: pathOf(AppCallbackDefinition, methods.onTopicEvent),
  bulkEvent: pathOf(AppCallbackDefinition, methods.onBulkTopicEvent),
  // oxlint-disable-next-line typescript/no-deprecated -- for apps that know no other
  bulkEventAlpha: pathOf(AppCallbackAlphaDefinition, AppCallbackAlphaDefinition.methods.onBulkTopicEventAlpha1),
  bindings: pathOf(AppCallbackDefinition, methods.listInputBindings),
  bindingEvent: pathOf(AppCallbackDefinition, methods.onBindingEvent),
  invoke: pathOf(AppCallbackDefinition, methods.onInvoke),
};
const empty = Empty.encode({}).finish();

/** An app that serves Dapr's `AppCallback` over gRPC. */
export class GrpcAppChannel implements AppChannel {
  readonly isGrpc = true;
  readonly isPathOptional = true;
  /** For calls that nobody here looks into. */
  readonly connection: GrpcAppConnection;
  readonly #options: GrpcAppChannelOptions;
  readonly #logger: Logger;
  readonly #bodyLimit: number;
  /** The app knows bulk delivery by its older name only. */
  #isBulkAlpha = false;

  constructor(options: GrpcAppChannelOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#bodyLimit = bodyLimit(options.maxMessageSize);
    this.connection = new GrpcAppConnection(options);
  }

  async ready(signal: AbortSignal): Promise<void> {
    const { port } = this.#options;
    this.#logger.info(`waiting for the app to listen on port ${port}`);
    await this.connection.listening(signal);
    this.#logger.info(`application discovered on port ${port}`);
  }

  /** An app that does not serve the health check is not healthy, as with Dapr. */
  async probe(signal: AbortSignal): Promise<boolean> {
    try {
      const { status } = await this.connection.call({ path: paths.health, message: empty, unlimited: true }, signal);
      return status.status === 'OK';
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }

  async subscriptions(signal: AbortSignal): Promise<readonly SubscriptionSpec[]> {
    if (this.#options.disabledInitEndpoints?.includes('subscribe')) return [];
    const { message, status } = await this.#call(paths.subscriptions, empty, {}, signal);
    if (message !== undefined)
      return ListTopicSubscriptionsResponse.decode(message).subscriptions.map(subscriptionSpec);
    if (status.status !== 'UNIMPLEMENTED') throw appError('error getting topic list from app', status);
    this.#logger.info('pubsub subscriptions: gRPC app does not implement ListTopicSubscriptions');
    return [];
  }

  async invoke(request: AppRequest, signal: AbortSignal): Promise<AppResponse> {
    const limit = this.#bodyLimit;
    const message = await invokeMessage(request, limit);
    if (message === undefined) return tooLongAnswer(limit);
    return invokeAnswer(await this.#call(paths.invoke, message, invokeMetadata(request), signal));
  }

  async deliver(event: TopicEvent, signal: AbortSignal): Promise<TopicEventStatus> {
    const metadata = componentMetadata({ ...event.metadata, pubsubName: event.pubsubName });
    addTrace(metadata, event.cloudEvent, event.trace);
    const request = TopicEventRequest.encode(topicEventRequest(event)).finish();
    const { message, status } = await this.#call(paths.event, request, metadata, signal);
    if (message !== undefined) return topicEventStatus(TopicEventResponse.decode(message).status);
    if (status.status !== 'UNIMPLEMENTED') throw appError('the app answered', status);
    const what = `event ${String(event.cloudEvent['id'])} of topic ${event.topic} on pubsub ${event.pubsubName}`;
    this.#logger.warn(`the app takes no events: dropping ${what}: ${status.message}`);
    return 'DROP';
  }

  async deliverMany(event: BulkTopicEvent, signal: AbortSignal): Promise<ReadonlyMap<string, TopicEventStatus>> {
    const metadata = componentMetadata({ ...event.metadata, pubsubName: event.pubsubName });
    if (event.trace !== undefined) replaceTrace(metadata, event.trace);
    const { message, status } = await this.#callBulk(bulkMessage(event, this.#logger), metadata, signal);
    if (message !== undefined) return bulkStatuses(message, event);
    if (status.status !== 'UNIMPLEMENTED') throw appError('the app answered to the batch', status);
    const what = `a batch of topic ${event.topic} on pubsub ${event.pubsubName}`;
    this.#logger.warn(`the app takes no batches: dropping ${what}: ${status.message}`);
    return new Map(event.entries.map(({ entryId }) => [entryId, 'DROP']));
  }

  async inputBindings(candidates: readonly InputBinding[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { message, status } = await this.#call(paths.bindings, empty, {}, signal);
    if (message === undefined) {
      if (status.status === 'UNIMPLEMENTED') return new Set();
      throw appError('error getting the list of input bindings from app', status);
    }
    const wanted = new Set(ListInputBindingsResponse.decode(message).bindings);
    return new Set(candidates.flatMap(({ name }) => (wanted.has(name) ? [name] : [])));
  }

  async deliverBinding(event: InputBindingEvent, signal: AbortSignal): Promise<InputBindingAnswer> {
    const { data, name } = event;
    const request = BindingEventRequest.encode({
      name,
      data: asBuffer(data),
      metadata: { ...event.metadata },
    }).finish();
    const metadata: Record<string, string> = {};
    addTrace(metadata, event.metadata, event.trace);
    const { message, status } = await this.#call(paths.bindingEvent, request, metadata, signal);
    if (message === undefined) throw appError(`error invoking app for binding ${name}`, status);
    const answer = BindingEventResponse.decode(message);
    return {
      ...(answer.data.byteLength > 0 && { data: answer.data }),
      to: answer.to,
      concurrency: answer.concurrency === Concurrency.PARALLEL ? 'parallel' : 'sequential',
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.connection[Symbol.asyncDispose]();
  }

  #call(path: string, message: Uint8Array, metadata: HeaderMap, signal: AbortSignal): Promise<AppCallAnswer> {
    return this.connection.call({ path, message, metadata }, signal);
  }

  /** Tries the name that the app answered to last, and the other one where it does not know that any more. */
  async #callBulk(message: Uint8Array, metadata: HeaderMap, signal: AbortSignal): Promise<AppCallAnswer> {
    const call = (isAlpha: boolean) =>
      this.#call(isAlpha ? paths.bulkEventAlpha : paths.bulkEvent, message, metadata, signal);
    const isAlpha = this.#isBulkAlpha;
    const answer = await call(isAlpha);
    if (answer.status.status !== 'UNIMPLEMENTED') return answer;
    const other = await call(!isAlpha);
    if (other.status.status !== 'UNIMPLEMENTED') this.#isBulkAlpha = !isAlpha;
    return other;
  }
}

function pathOf(service: { readonly fullName: string }, method: { readonly name: string }): string {
  return `/${service.fullName}/${method.name}`;
}

function appError(what: string, { message, status }: CallStatus): AppError {
  return new AppError(`${what}: ${new PeerError(status, message).message}`, grpcStatus[status]);
}
