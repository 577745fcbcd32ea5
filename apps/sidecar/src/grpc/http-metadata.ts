import { type HeaderMap, headerValue } from '@outrigger/runtime';

import { headerText } from '../http/header-text.ts';

export type MutableMetadata = Record<string, string | readonly string[]>;

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

/** Headers of a HTTP message as gRPC metadata, as Dapr names them. What gRPC does not allow is left out or escaped. */
export function metadataOfHttp(headers: HeaderMap): MutableMetadata {
  const metadata: MutableMetadata = {};
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || !isMetadataName(name)) continue;
    if (name.endsWith('-bin')) {
      if (asList(value).every(isBase64)) metadata[name] = value;
    } else
      metadata[ofHttp.has(name) ? `dapr-${name}` : name] =
        typeof value === 'string' ? valueOf(value) : value.map(valueOf);
  }
  return metadata;
}

/** Whether gRPC metadata may have this name, which is in lower case; those of gRPC itself are refused. */
export function isMetadataName(name: string): boolean {
  return /^[\da-z_.-]+$/.test(name) && (!name.startsWith('grpc-') || name === 'grpc-trace-bin');
}

function valueOf(header: string): string {
  return headerValue(headerText(header));
}

function isBase64(value: string): boolean {
  return /^[\d+/A-Za-z]*={0,2}$/.test(value);
}

function asList(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}
