import type { RequestMetadata } from '@outrigger/core';

export interface PublishEvent {
  readonly pubsubName: string;
  readonly topic: string;
  readonly data: Uint8Array;
  /** Empty or absent: `text/plain`. */
  readonly contentType?: string;
  readonly metadata?: RequestMetadata;
  /** W3C trace context of the caller; empty when tracing is off and the caller sent none. */
  readonly traceparent?: string;
  readonly tracestate?: string;
}

export interface BulkPublishEvent {
  readonly pubsubName: string;
  readonly topic: string;
  readonly metadata?: RequestMetadata;
  readonly entries: readonly {
    readonly entryId: string;
    readonly data: Uint8Array;
    readonly contentType: string;
    readonly metadata?: RequestMetadata;
  }[];
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** What the spans of the entries are called; the API's path or method. Default: `publish/<topic>`. */
  readonly spanName?: string;
}

export interface FailedPublish {
  readonly entryId: string;
  readonly error: string;
}

/** Publishing as the app sees it: scopes, envelope, TTL, outbound policy; failures as ApiErrors. */
export interface PubSubTopics {
  publish(event: PublishEvent, signal?: AbortSignal): Promise<void>;
  /** Entries that failed; empty when all were taken. Throws when nothing could be tried. */
  publishMany(event: BulkPublishEvent, signal?: AbortSignal): Promise<readonly FailedPublish[]>;
  /** As `publishMany`, with the entries as the HTTP API takes them: a JSON array of `{entryId, event, contentType, metadata?}`. */
  publishManyJson(
    event: Omit<BulkPublishEvent, 'entries'>,
    entries: Uint8Array,
    signal?: AbortSignal,
  ): Promise<readonly FailedPublish[]>;
}
