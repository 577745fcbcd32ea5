import type { RequestMetadata } from '@outrigger/core';
import { type AppRequest, type CloudEvent, type HeaderMap, headerValue, type TraceContext } from '@outrigger/runtime';

import { isMetadataName, metadataOfHttp, type MutableMetadata } from '../grpc/http-metadata.ts';
import { traceBin } from '../grpc/trace-bin.ts';

/** Metadata with which an app that speaks gRPC is invoked: the caller's headers, or its metadata as it came. */
export function invokeMetadata({ grpc, headers }: AppRequest): HeaderMap {
  const metadata = grpc === undefined ? metadataOfHttp(headers) : withoutContent(headers);
  addTraceBin(metadata);
  return metadata;
}

/** A broker's or a binding's metadata for the app. */
export function componentMetadata(entries: RequestMetadata): MutableMetadata {
  const metadata: MutableMetadata = {};
  for (const [entry, value] of Object.entries(entries)) {
    const name = entry.toLowerCase();
    if (!isMetadataName(name) || name === 'dapr-api-token') continue;
    metadata[name] = name.endsWith('-bin') ? Buffer.from(value).toString('base64') : headerValue(value);
  }
  return metadata;
}

/** The delivery's trace context goes on in the call; without one the event's own. */
export function addTrace(metadata: MutableMetadata, cloudEvent: CloudEvent, delivery?: TraceContext): void {
  const { baggage, tracestate } = cloudEvent;
  if (typeof baggage === 'string' && baggage !== '') metadata['baggage'] = headerValue(baggage);
  if (delivery !== undefined) {
    replaceTrace(metadata, delivery);
    return;
  }
  const traceparent = cloudEvent['traceparent'] ?? cloudEvent['traceid'];
  if (typeof traceparent !== 'string' || traceBin(traceparent) === undefined) return;
  metadata['traceparent'] = traceparent;
  if (typeof tracestate === 'string' && tracestate !== '') metadata['tracestate'] = headerValue(tracestate);
  addTraceBin(metadata);
}

/** In place of what a broker's metadata says. */
export function replaceTrace(metadata: MutableMetadata, { traceparent, tracestate }: TraceContext): void {
  delete metadata['grpc-trace-bin'];
  delete metadata['tracestate'];
  metadata['traceparent'] = traceparent;
  if (tracestate !== '') metadata['tracestate'] = headerValue(tracestate);
  addTraceBin(metadata);
}

/** Apps look for the trace in either form. */
function addTraceBin(metadata: MutableMetadata): void {
  const { traceparent } = metadata;
  if (typeof traceparent !== 'string' || metadata['grpc-trace-bin'] !== undefined) return;
  const binary = traceBin(traceparent);
  if (binary !== undefined) metadata['grpc-trace-bin'] = binary;
}

/** Content type and length are fields of the message, as long as gRPC carries it. */
function withoutContent(headers: HeaderMap): MutableMetadata {
  const metadata: MutableMetadata = { ...headers };
  delete metadata['content-type'];
  delete metadata['content-length'];
  return metadata;
}
