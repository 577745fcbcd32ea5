import { type HeaderMap, headersOf } from '@outrigger/runtime';

import { earlyStatus } from './early-status.ts';

/** Headers that HTTP/2 or gRPC keep for themselves, and metadata therefore cannot have. */
const reserved =
  /^(?::|grpc-(?:status|message|encoding|accept-encoding|timeout|status-details-bin)$|(?:connection|content-length|content-type|host|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$)/;
const validName = /^[0-9a-z_.-]+$/;
/** What ends a header where it is sent, or splits it into two. */
const unsendable = /[\0\r\n]/;

/** The first value of a header; `raw` alternates between names and values. */
export function firstOf(raw: readonly string[], name: string): string | undefined {
  for (let index = 0; index < raw.length; index += 2) {
    if (raw[index] === name) return raw[index + 1];
  }
  return undefined;
}

/** Puts metadata into headers or trailers to be sent. What could not be sent, or is not for metadata to say, is left out. */
export function addMetadata(target: Record<string, string | string[]>, metadata: HeaderMap): void {
  for (const [given, value] of Object.entries(metadata)) {
    const name = given.toLowerCase();
    if (value === undefined || !validName.test(name) || reserved.test(name)) continue;
    const values = (typeof value === 'string' ? [value] : value).filter((each) => !unsendable.test(each));
    if (values.length > 0) target[name] = values.length === 1 ? (values[0] ?? '') : values;
  }
}

/** What a gRPC call carries for itself; the rest of its headers is metadata. */
const ofTransport: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-type',
  'date',
  'grpc-accept-encoding',
  'grpc-encoding',
  'grpc-message',
  'grpc-status',
  'grpc-status-details-bin',
  'grpc-timeout',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  earlyStatus,
]);

/** Headers or trailers as metadata; of several entries with one name all are kept. `raw` alternates between names and values. */
export function metadataOf(raw: readonly string[]): HeaderMap {
  return headersOf(raw, isMetadata);
}

/** The same for what is to be sent: what belongs to the transport is left out. */
export function metadataToSend(headers: HeaderMap): Record<string, string | readonly string[]> {
  const metadata: Record<string, string | readonly string[]> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && isMetadata(name)) metadata[name] = value;
  }
  return metadata;
}

function isMetadata(name: string): boolean {
  return !ofTransport.has(name) && !name.startsWith(':');
}

/** A status message as it goes over the wire: everything but printable ASCII, and `%`, escaped. */
export function escapeMessage(message: string): string {
  if (!/[^ -$&-~]/.test(message)) return message;
  return message.replaceAll(/[^ -$&-~]+/gu, (text) =>
    Buffer.from(text, 'utf8').toString('hex').toUpperCase().replaceAll(/../g, '%$&'),
  );
}

/** `grpc-message` is percent-encoded UTF-8; what is no escape stays as it is, and bytes that are no UTF-8 become U+FFFD. */
export function unescapeMessage(text: string): string {
  if (!text.includes('%')) return text;
  return text.replaceAll(/(?:%[\da-f]{2})+/gi, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString());
}
