import type { RequestMetadata } from '@outrigger/core';
import { type AppRequest, type CloudEvent, type HeaderMap, headerValue } from '@outrigger/runtime';

import { traceBin } from '../grpc/trace-bin.ts';

type MutableMetadata = Record<string, string | readonly string[]>;

/** What HTTP says of a request itself. For apps that speak gRPC these get `dapr-` in front, so that they collide with nothing. */
const ofHttp: ReadonlySet<string> = new Set([
  'accept',
  'accept-charset',
  'accept-language',
  'accept-ranges',
  'cache-control',
  'content-length',
  'content-type',
  'cookie',
  'date',
  'expect',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-schedule-tag-match',
  'if-unmodified-since',
  'max-forwards',
  'origin',
  'pragma',
  'referer',
  'via',
  'warning',
]);

/** Metadata with which an app that speaks gRPC is invoked: the caller's headers, or its metadata as it came. */
export function invokeMetadata({ grpc, headers }: AppRequest): HeaderMap {
  const metadata = grpc === undefined ? metadataOfHttp(headers) : withoutContentType(headers);
  addTraceBin(metadata);
  return metadata;
}

/** Headers of a HTTP message as gRPC metadata, as Dapr names them. What gRPC does not allow is left out or escaped. */
export function metadataOfHttp(headers: HeaderMap): MutableMetadata {
  const metadata: MutableMetadata = {};
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || !isName(name)) continue;
    if (name.endsWith('-bin')) {
      if (asList(value).every(isBase64)) metadata[name] = value;
    } else
      metadata[ofHttp.has(name) ? `dapr-${name}` : name] =
        typeof value === 'string' ? headerValue(value) : value.map(headerValue);
  }
  return metadata;
}

/** A broker's or a binding's metadata for the app. */
export function componentMetadata(entries: RequestMetadata): MutableMetadata {
  const metadata: MutableMetadata = {};
  for (const [entry, value] of Object.entries(entries)) {
    const name = entry.toLowerCase();
    if (!isName(name) || name === 'dapr-api-token') continue;
    metadata[name] = name.endsWith('-bin') ? Buffer.from(value).toString('base64') : headerValue(value);
  }
  return metadata;
}

/** An event's own trace context goes on in the call. */
export function addTrace(metadata: MutableMetadata, cloudEvent: CloudEvent): void {
  const traceparent = cloudEvent['traceparent'] ?? cloudEvent['traceid'];
  if (typeof traceparent !== 'string' || traceBin(traceparent) === undefined) return;
  metadata['traceparent'] = traceparent;
  for (const name of ['tracestate', 'baggage']) {
    const value = cloudEvent[name];
    if (typeof value === 'string' && value !== '') metadata[name] = headerValue(value);
  }
  addTraceBin(metadata);
}

/** Apps look for the trace in either form. */
function addTraceBin(metadata: MutableMetadata): void {
  const { traceparent } = metadata;
  if (typeof traceparent !== 'string' || metadata['grpc-trace-bin'] !== undefined) return;
  const binary = traceBin(traceparent);
  if (binary !== undefined) metadata['grpc-trace-bin'] = binary;
}

/** The content type is a field of the message, as long as gRPC carries it. */
function withoutContentType({ 'content-type': _, 'content-length': __, ...rest }: HeaderMap): MutableMetadata {
  return rest;
}

/** Whether gRPC metadata may have this name, which is in lower case; those of gRPC itself are refused. */
function isName(name: string): boolean {
  return /^[\da-z_.-]+$/.test(name) && (!name.startsWith('grpc-') || name === 'grpc-trace-bin');
}

function isBase64(value: string): boolean {
  return /^[\d+/A-Za-z]*={0,2}$/.test(value);
}

function asList(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}
