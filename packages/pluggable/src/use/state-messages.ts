import type {
  Concurrency,
  Consistency,
  StateDeleteRequest,
  StateGetRequest,
  StateItem,
  StateSetRequest,
} from '@outrigger/core';
import { asBuffer } from '@outrigger/grpc';
import {
  type DeleteRequest,
  type GetRequest,
  type SetRequest,
  type StateOptions,
  StateOptions_StateConcurrency as ConcurrencyCode,
  StateOptions_StateConsistency as ConsistencyCode,
} from '@outrigger/protocol/components';

export function getRequest({ key, consistency, metadata }: StateGetRequest): GetRequest {
  return { key, metadata: { ...metadata }, consistency: consistencyCode(consistency) };
}

export function setRequest(request: StateSetRequest): SetRequest {
  const { key, value, contentType = '' } = request;
  return {
    key,
    value: asBuffer(value),
    ...condition(request),
    metadata: { ...metadataOf(request) },
    contentType,
  };
}

export function deleteRequest(request: StateDeleteRequest): DeleteRequest {
  return { key: request.key, ...condition(request), metadata: { ...request.metadata } };
}

/** The item in an answer; `undefined` when there is none, which a protocol without absence tells by empty fields. */
export function itemOf(answer: {
  readonly data: Buffer;
  readonly etag?: { readonly value: string } | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
}): StateItem | undefined {
  const { data, etag, metadata } = answer;
  if (data.byteLength === 0 && !etag?.value) return undefined;
  const expiresAt = metadata && expiryOf(metadata);
  return { value: data, ...(etag?.value && { etag: etag.value }), ...(expiresAt && { expiresAt }) };
}

function expiryOf(metadata: Readonly<Record<string, string>>): Date | undefined {
  const text = Object.entries(metadata).find(([name]) => name.toLowerCase() === 'ttlexpiretime')?.[1];
  const time = text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(time) ? undefined : new Date(time);
}

/** The time to live is told in the metadata, where components look for it. */
function metadataOf({ metadata, ttlInSeconds }: StateSetRequest): Readonly<Record<string, string>> | undefined {
  if (ttlInSeconds === undefined) return metadata;
  const others = Object.entries(metadata ?? {}).filter(([name]) => name.toLowerCase() !== 'ttlinseconds');
  return { ...Object.fromEntries(others), ttlInSeconds: String(ttlInSeconds) };
}

function condition({ etag, concurrency, consistency }: StateSetRequest | StateDeleteRequest): {
  etag?: { value: string };
  options?: StateOptions;
} {
  const options = { concurrency: concurrencyCode(concurrency), consistency: consistencyCode(consistency) };
  return { ...(etag !== undefined && { etag: { value: etag } }), options };
}

function concurrencyCode(concurrency: Concurrency | undefined): ConcurrencyCode {
  if (concurrency === undefined) return ConcurrencyCode.CONCURRENCY_UNSPECIFIED;
  return concurrency === 'first-write'
    ? ConcurrencyCode.CONCURRENCY_FIRST_WRITE
    : ConcurrencyCode.CONCURRENCY_LAST_WRITE;
}

function consistencyCode(consistency: Consistency | undefined): ConsistencyCode {
  if (consistency === undefined) return ConsistencyCode.CONSISTENCY_UNSPECIFIED;
  return consistency === 'strong' ? ConsistencyCode.CONSISTENCY_STRONG : ConsistencyCode.CONSISTENCY_EVENTUAL;
}
