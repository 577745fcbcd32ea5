import { errorMessage, type Logger } from '@outrigger/core';

import { baggageProblem } from '../blocks/baggage.ts';
import {
  type AppChannel,
  AppError,
  type AppRequest,
  type AppResponse,
  type BulkTopicEvent,
  type InputBinding,
  type InputBindingAnswer,
  type InputBindingEvent,
  type SubscriptionSpec,
  type TopicEvent,
  type TopicEventStatus,
  UnfitRequestError,
} from './app-channel.ts';
import { HttpBindings } from './http-bindings.ts';
import { type HttpAppMeter, type HttpAppProtocol, HttpClient } from './http-client.ts';
import { dialUntilConnectable } from './dial.ts';
import {
  addMetadataHeaders,
  addTraceHeaders,
  httpHeadersOf,
  type MutableHeaders,
  requestTarget,
} from './http-headers.ts';
import { parseSubscriptions } from './http-subscriptions.ts';
import { bulkRequestBody, bulkStatuses, eventStatus } from './http-topic-events.ts';

export interface HttpAppChannelOptions {
  readonly appId: string;
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default `http`. The certificate of a `https` app is not checked. */
  readonly protocol?: HttpAppProtocol;
  /** Sent as `dapr-api-token` with every call. */
  readonly appToken?: string | undefined;
  /** Calls in flight; 0 or absent: no limit. */
  readonly maxConcurrency?: number | undefined;
  /** Longest answer to a delivery or to `/dapr/*`, in bytes; 0: no limit. Default 4 MiB. */
  readonly maxBodySize?: number | undefined;
  /** Default `/healthz`. */
  readonly healthPath?: string | undefined;
  /** `config` and `subscribe`: which of `/dapr/…` the app is not asked for. */
  readonly disabledInitEndpoints?: readonly string[];
  /** How long the app may take to say whether it wants a binding. Default 3 s. */
  readonly bindingOptionsTimeoutMs?: number | undefined;
  readonly logger: Logger;
  /** Told of each call. Absent: calls are not counted. */
  readonly meter?: HttpAppMeter | undefined;
}

/** An app that is reached over HTTP. */
export class HttpAppChannel implements AppChannel {
  readonly #options: HttpAppChannelOptions;
  readonly #host: string;
  readonly #client: HttpClient;
  readonly #bindings: HttpBindings;
  readonly #maxBodySize: number;
  readonly #ownHeaders: Readonly<Record<string, string>>;

  constructor(options: HttpAppChannelOptions) {
    this.#options = options;
    this.#host = options.host ?? '127.0.0.1';
    this.#maxBodySize = (options.maxBodySize ?? 4 * 1024 * 1024) || Infinity;
    const { appToken } = options;
    this.#ownHeaders = appToken ? { 'dapr-api-token': appToken } : {};
    this.#client = new HttpClient({
      protocol: options.protocol ?? 'http',
      host: this.#host,
      port: options.port,
      maxConcurrency: options.maxConcurrency,
      meter: options.meter,
    });
    this.#bindings = new HttpBindings({
      client: this.#client,
      headers: () => this.#headers(),
      maxBodySize: this.#maxBodySize,
      optionsTimeoutMs: options.bindingOptionsTimeoutMs,
      logger: options.logger,
    });
  }

  async ready(signal: AbortSignal): Promise<void> {
    const { logger, port } = this.#options;
    logger.info(`waiting for the app to listen on port ${port}`);
    await Promise.all([this.#client.prepare(), dialUntilConnectable(this.#host, port, signal)]);
    logger.info(`application discovered on port ${port}`);
  }

  async probe(signal: AbortSignal): Promise<boolean> {
    try {
      const target = requestTarget(this.#options.healthPath || '/healthz');
      const { status } = await this.#client.collect(
        { method: 'GET', target, headers: this.#headers(), unlimited: true, isProbe: true },
        this.#maxBodySize,
        signal,
      );
      return status >= 200 && status < 300;
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }

  async configuration(signal: AbortSignal): Promise<Readonly<Record<string, unknown>> | undefined> {
    if (this.#options.disabledInitEndpoints?.includes('config')) return undefined;
    const headers = { ...this.#headers(), 'dapr-app-id': this.#options.appId };
    const response = await this.#client.collect(
      { method: 'GET', target: '/dapr/config', headers },
      this.#maxBodySize,
      signal,
    );
    if (response.status !== 200 || response.body === undefined) return undefined;
    try {
      const configuration: unknown = JSON.parse(textOf(response.body));
      return typeof configuration === 'object' && configuration !== null ? { ...configuration } : undefined;
    } catch (error) {
      this.#options.logger.warn(`the app's answer to GET /dapr/config is not JSON: ${errorMessage(error)}`);
      return undefined;
    }
  }

  async subscriptions(signal: AbortSignal): Promise<readonly SubscriptionSpec[]> {
    const { disabledInitEndpoints, logger } = this.#options;
    if (disabledInitEndpoints?.includes('subscribe')) return [];
    const headers = this.#headers();
    const response = await this.#client.collect(
      { method: 'GET', target: '/dapr/subscribe', headers },
      this.#maxBodySize,
      signal,
    );
    if (response.status === 200) return parseSubscriptions(textOf(response.body), logger);
    if (response.status !== 404) {
      logger.error(`app returned http status code ${response.status} from subscription endpoint GET /dapr/subscribe`);
    }
    return [];
  }

  async invoke(request: AppRequest, signal: AbortSignal): Promise<AppResponse> {
    const { grpc, verb } = request;
    if (verb === '') throw new UnfitRequestError('missing HTTP extension field');
    if (verb === 'NONE' || verb === 'CONNECT') throw new UnfitRequestError('invalid HTTP verb');
    const headers = { ...(grpc === undefined ? request.headers : httpHeadersOf(request.headers, grpc.dataTypeUrl)) };
    Object.assign(headers, this.#ownHeaders);
    const target = requestTarget(request.query === '' ? request.path : `${request.path}?${request.query}`);
    return this.#client.stream({ method: request.verb, target, headers, body: request.body }, signal);
  }

  async deliver(event: TopicEvent, signal: AbortSignal): Promise<TopicEventStatus> {
    const headers = this.#headers();
    addMetadataHeaders(headers, event.metadata);
    addMetadataHeaders(headers, { pubsubName: event.pubsubName });
    addTrace(headers, event);
    headers['content-type'] = 'application/cloudevents+json';
    const response = await this.#client.collect(
      { method: 'POST', target: requestTarget(event.path), headers, body: event.body },
      this.#maxBodySize,
      signal,
    );
    const { status } = response;
    if (status >= 200 && status < 300) return eventStatus(response.body);
    if (status === 404) {
      const what = `event ${String(event.cloudEvent['id'])} of topic ${event.topic} on pubsub ${event.pubsubName}`;
      this.#options.logger.warn(`app has no ${event.path}: dropping ${what}. status code returned: 404`);
      return 'DROP';
    }
    const body = textOf(response.body).slice(0, 1000);
    throw new AppError(`the app answered ${status}${body === '' ? '' : `: ${body}`}`, status);
  }

  async deliverMany(event: BulkTopicEvent, signal: AbortSignal): Promise<ReadonlyMap<string, TopicEventStatus>> {
    const headers = this.#headers();
    addMetadataHeaders(headers, event.metadata);
    addMetadataHeaders(headers, { pubsubName: event.pubsubName });
    addTraceHeaders(headers, event.trace);
    headers['content-type'] = 'application/json';
    const response = await this.#client.collect(
      { method: 'POST', target: requestTarget(event.path), headers, body: bulkRequestBody(event) },
      this.#maxBodySize,
      signal,
    );
    const { status } = response;
    if (status >= 200 && status < 300) return bulkStatuses(response.body, event);
    if (status === 404) {
      this.#options.logger.warn(
        `app has no ${event.path}: dropping a batch of topic ${event.topic} on pubsub ${event.pubsubName}. status code returned: 404`,
      );
      return new Map(event.entries.map(({ entryId }) => [entryId, 'DROP']));
    }
    throw new AppError(`the app answered ${status} to the batch`, status);
  }

  inputBindings(candidates: readonly InputBinding[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    return this.#bindings.wanted(candidates, signal);
  }

  deliverBinding(event: InputBindingEvent, signal: AbortSignal): Promise<InputBindingAnswer> {
    return this.#bindings.deliver(event, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client[Symbol.asyncDispose]();
  }

  #headers(): MutableHeaders {
    return { 'user-agent': 'outrigger', ...this.#ownHeaders };
  }
}

function textOf(body: Uint8Array | undefined): string {
  return body === undefined ? '' : Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
}

/** The delivery's trace context goes on in the call, or the event's own; without one, the header has Dapr's zeros. */
function addTrace(headers: MutableHeaders, { cloudEvent, trace }: TopicEvent): void {
  const { baggage } = cloudEvent;
  if (typeof baggage === 'string' && baggage !== '' && baggageProblem(baggage) === undefined) {
    addMetadataHeaders(headers, { baggage });
  }
  const traceparent = cloudEvent['traceparent'] ?? cloudEvent['traceid'];
  const isTraced =
    typeof traceparent === 'string' && /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}/.test(traceparent);
  if (trace !== undefined || !isTraced) {
    addTraceHeaders(headers, trace);
    return;
  }
  addMetadataHeaders(headers, { traceparent });
  const { tracestate } = cloudEvent;
  if (typeof tracestate === 'string' && tracestate !== '') addMetadataHeaders(headers, { tracestate });
}
