/** A CloudEvents 1.0 envelope in its JSON form; `data` or `data_base64` beside the attributes. */
export type CloudEvent = Readonly<Record<string, unknown>>;

export const cloudEventContentType = 'application/cloudevents+json';

/** The media type without its parameters, in lower case. */
function mediaType(contentType: string): string {
  const end = contentType.indexOf(';');
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

/** An envelope already: passes through instead of being wrapped. */
export function isCloudEventType(contentType: string): boolean {
  return mediaType(contentType) === cloudEventContentType;
}

/** `data` is embedded as JSON. Types with a `+json` suffix are text, as in Dapr. */
export function isJsonType(contentType: string): boolean {
  return contentType === 'application/json' || mediaType(contentType) === 'application/json';
}

/** The payload travels as base64. */
export function isBinaryType(contentType: string): boolean {
  const type = mediaType(contentType);
  return type === 'application/octet-stream' || type === 'application/cloudevents+protobuf';
}

/** `text/*` and XML: in a bulk request such an event must be a string. */
export function isTextType(contentType: string): boolean {
  const type = mediaType(contentType);
  return type.startsWith('text/') || type === 'application/xml';
}
