import type { HeaderMap } from '@outrigger/runtime';

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

/** A status message as it goes over the wire: everything but printable ASCII, and `%`, escaped. */
export function escapeMessage(message: string): string {
  if (!/[^ -$&-~]/.test(message)) return message;
  return message.replaceAll(/[^ -$&-~]+/gu, (text) =>
    Buffer.from(text, 'utf8').toString('hex').toUpperCase().replaceAll(/../g, '%$&'),
  );
}
