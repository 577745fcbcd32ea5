import { ComponentError, type RequestMetadata } from '@outrigger/core';

import type { CloudEvent } from '../blocks/cloud-event.ts';
import type { GrpcStatusName } from '../errors.ts';
import type { TraceContext } from '../tracing.ts';

/** Header or metadata values by lower-case name; a list where a name came several times. */
export type HeaderMap = Readonly<Record<string, string | readonly string[]>>;

/** A body as it passes through: whole, or in pieces as they arrive (then it cannot be replayed), or none. */
export type Body = Uint8Array | AsyncIterable<Uint8Array> | undefined;

/** A call that goes to an app, or to another sidecar for its app. */
export interface AppRequest {
  /** HTTP verb, upper-case. Empty when a gRPC caller names none, `NONE` when it says so; apps that speak gRPC need none. */
  readonly verb: string;
  /** Normalised, starts with `/`, without the query. */
  readonly path: string;
  /** As received, without `?`; empty when there is none. */
  readonly query: string;
  /** Those that are to arrive: who makes the call has taken out what concerns its own connection to the caller. */
  readonly headers: HeaderMap;
  readonly body: Body;
  /** Present when the caller speaks gRPC: headers are its metadata, as that is on the wire. */
  readonly grpc?: GrpcCaller;
}

export interface GrpcCaller {
  /** Which protobuf message the body is; empty: nobody says. */
  readonly dataTypeUrl: string;
}

/** How an app that speaks gRPC ended a call. */
export interface GrpcAppStatus {
  readonly status: GrpcStatusName;
  readonly message: string;
  /** An encoded `google.rpc.Status`, as the app sent it in `grpc-status-details-bin`. */
  readonly details?: Uint8Array;
  /** Metadata behind the answer, as it is on the wire. */
  readonly trailers?: HeaderMap;
  /** Which protobuf message the body is. */
  readonly dataTypeUrl?: string;
}

/** What the app answered. `body` must be consumed or cancelled (`return()`); it may still be streaming. */
export interface AppResponse {
  /** HTTP status; of an app that speaks gRPC the one that stands for its {@link AppResponse.grpc | gRPC status}. */
  readonly status: number;
  /** Present when the app speaks gRPC, also when all went well. */
  readonly grpc?: GrpcAppStatus;
  /** As they came; who passes them on takes out what concerns one connection only. */
  readonly headers: HeaderMap;
  readonly body: Body;
  /** Present when the app has announced HTTP trailers behind a body that streams. */
  readonly trailers?: AnnouncedTrailers;
}

interface AnnouncedTrailers {
  /** As in the header `Trailer`. */
  readonly names: string;
  /** Those that came; empty as long as the body was not read to its end. Names in lower case. */
  readonly values: () => HeaderMap;
}

export type TopicEventStatus = 'SUCCESS' | 'RETRY' | 'DROP';

/** A message on its way to the app. */
export interface TopicEvent {
  readonly pubsubName: string;
  readonly topic: string;
  /** Where the matching rule, or the default route, sends it. */
  readonly path: string;
  /** The envelope: the publisher's, or the wrapper made for a raw payload. */
  readonly cloudEvent: CloudEvent;
  /** The bytes a HTTP app gets: the envelope as JSON as it came from the broker, or the wrapper. */
  readonly body: Uint8Array;
  /** The broker's metadata; reaches an HTTP app as headers. */
  readonly metadata: RequestMetadata;
  /** What the app's work on it belongs to, a span of its delivery. Absent: the trace that the envelope names. */
  readonly trace?: TraceContext | undefined;
}

export interface BulkTopicEvent {
  readonly pubsubName: string;
  readonly topic: string;
  readonly path: string;
  readonly id: string;
  readonly metadata: RequestMetadata;
  /** What the app's work on it belongs to. Absent: nobody says; the envelopes of its entries name their own. */
  readonly trace?: TraceContext | undefined;
  readonly entries: readonly {
    readonly entryId: string;
    /** An envelope, or base64 text of the raw payload. */
    readonly event: CloudEvent | string;
    /** The same as JSON, as it came from the broker: what an HTTP app gets. */
    readonly json: string;
    readonly contentType: string;
    readonly metadata: RequestMetadata;
  }[];
}

/** An input binding as the app channel sees it. */
export interface InputBinding {
  /** Name of the component. */
  readonly name: string;
  /** Where events go in an HTTP app: the component's `route`, else `/<name>`. */
  readonly path: string;
}

/** Something that happened outside, on its way to the app. */
export interface InputBindingEvent extends InputBinding {
  readonly data: Uint8Array;
  readonly contentType?: string;
  /** Reaches an HTTP app as headers. */
  readonly metadata: RequestMetadata;
  /** What the app's work on it belongs to. Absent: the trace that the metadata names. */
  readonly trace?: TraceContext | undefined;
}

/** What the app makes of an event. */
export interface InputBindingAnswer {
  /** Handed back to the component, and to the output bindings in `to`. */
  readonly data?: Uint8Array;
  readonly contentType?: string;
  /** Output bindings that are to be invoked with `data`, by name. */
  readonly to: readonly string[];
  readonly concurrency: 'sequential' | 'parallel';
}

/** A subscription as the app declares it (`GET /dapr/subscribe`, `ListTopicSubscriptions`) or as a resource does. */
export interface SubscriptionSpec {
  readonly pubsubName: string;
  readonly topic: string;
  readonly deadLetterTopic?: string;
  readonly metadata: RequestMetadata;
  /** In order; the first whose `match` holds wins. The default route has no `match` and comes last. */
  readonly rules: readonly { readonly match?: string; readonly path: string }[];
  readonly bulkSubscribe?: {
    readonly enabled: boolean;
    readonly maxMessagesCount?: number;
    readonly maxAwaitDurationMs?: number;
  };
}

/** The app was reached and answered with an error; worth another try. */
export class AppError extends Error {
  /** What the app answered, a HTTP status or the code of a gRPC status; resiliency's `matching` is held against it. */
  readonly statusCode: number;

  constructor(message: string, statusCode: number, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AppError';
    this.statusCode = statusCode;
  }
}

/** The app was never given the call: it accepts no connections. */
export class UnreachedAppError extends ComponentError {
  constructor(message: string, options?: ErrorOptions) {
    super('unavailable', message, options);
    this.name = 'UnreachedAppError';
  }
}

/** A request that this app cannot be asked: nothing was sent. The message says what it lacks. */
export class UnfitRequestError extends Error {
  override readonly name = 'UnfitRequestError';
}

/**
 * The app, as the runtime sees it: over HTTP, over gRPC, or in this very process. Every call carries the app's token and
 * counts against `--app-max-concurrency`. Rejections are failures of the channel (`unavailable`), not answers of the app.
 */
export interface AppChannel extends AsyncDisposable {
  /** The app speaks gRPC. Default: no. */
  readonly isGrpc?: boolean;

  /** Events may have an empty path: the app finds its handlers also without. Default: no. */
  readonly isPathOptional?: boolean;

  /** Resolves once the app accepts connections. */
  ready(signal: AbortSignal): Promise<void>;

  /** Whether one health probe succeeds; never rejects but for an aborted signal. */
  probe(signal: AbortSignal): Promise<boolean>;

  /** What the app says of itself at the start (`GET /dapr/config`: actor types and how to run them); `undefined`: nothing. */
  configuration?(signal: AbortSignal): Promise<Readonly<Record<string, unknown>> | undefined>;

  /** The app's own subscriptions; empty when it declares none. */
  subscriptions(signal: AbortSignal): Promise<readonly SubscriptionSpec[]>;

  /** Service invocation and whatever else is a plain request to the app. Resolves when status and headers are there. */
  invoke(request: AppRequest, signal: AbortSignal): Promise<AppResponse>;

  /**
   * Delivers one message. Rejects when the app answers with an error ({@link AppError}), or with something unknown: both are
   * retriable. {@link UnreachedAppError} says that the message is none the worse for it.
   */
  deliver(event: TopicEvent, signal: AbortSignal): Promise<TopicEventStatus>;

  /** Delivers a batch; one status per entry id. Entries the app does not mention are `RETRY`. */
  deliverMany(event: BulkTopicEvent, signal: AbortSignal): Promise<ReadonlyMap<string, TopicEventStatus>>;

  /** Names of those bindings whose events the app wants. Absent: none. */
  inputBindings?(candidates: readonly InputBinding[], signal: AbortSignal): Promise<ReadonlySet<string>>;

  /** Delivers an event of an input binding. Rejects when the app answers with an error ({@link AppError}), which is retriable. */
  deliverBinding?(event: InputBindingEvent, signal: AbortSignal): Promise<InputBindingAnswer>;
}
