import { isUtf8 } from 'node:buffer';

import type { RequestMetadata } from '@outrigger/core';

import { isBinaryType, isCloudEventType, isJsonType } from './cloud-event.ts';
import { jsonMembers } from './cloud-event-json.ts';
import { noMetadata, ttlMilliseconds } from './pubsub-metadata.ts';

const defaultType = 'com.dapr.event.sent';
const defaultContentType = 'text/plain';
const quotedJsonType = '"application/json"';
const head = '{"data":';
/** The last moment that four digits of a year can say. */
const latestExpiration = Date.UTC(9999, 11, 31, 23, 59, 59);
/** Topics whose constant parts are kept; beyond that all are forgotten, so that topics made per user cannot fill the memory. */
const mostTopicsKept = 1000;

export interface EnvelopeInput {
  readonly topic: string;
  readonly data: Uint8Array;
  /** Empty or absent: `text/plain`. */
  readonly contentType?: string | undefined;
  readonly metadata: RequestMetadata;
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

export interface EnvelopeWriterOptions {
  /** `source` of the events; empty: `Dapr`. */
  readonly appId: string;
  readonly pubsubName: string;
  /** The component expires messages itself, so no `expiration` is written. */
  readonly nativeTtl: boolean;
}

/** The parts of an envelope that stay the same for one topic, in the order in which they are written. */
interface Segments {
  readonly afterId: string;
  readonly afterTime: string;
}

/**
 * Writes the CloudEvents envelope that a published message travels in. Keys stand in alphabetical order; JSON payloads and
 * the members of events that are envelopes already are carried byte for byte, so that no number loses its precision.
 */
export class EnvelopeWriter {
  readonly #source: string;
  readonly #pubsubName: string;
  readonly #nativeTtl: boolean;
  readonly #segments = new Map<string, Segments>();

  constructor(options: EnvelopeWriterOptions) {
    this.#source = options.appId === '' ? 'Dapr' : options.appId;
    this.#pubsubName = JSON.stringify(options.pubsubName);
    this.#nativeTtl = options.nativeTtl;
  }

  /** Throws a SyntaxError or TypeError when the content type says CloudEvent and the data is none. */
  write(input: EnvelopeInput): Uint8Array {
    return input.contentType && isCloudEventType(input.contentType) ? this.#complete(input) : this.wrap(input);
  }

  /** As {@link write}, for data that is a payload whatever its content type says. */
  wrap(input: EnvelopeInput): Uint8Array {
    const contentType = input.contentType || defaultContentType;
    const attributes = this.#attributes(input, contentType);
    if (isJsonType(contentType)) {
      const data = input.data;
      if (isUtf8(data) && isJson(data)) return spliced(data, attributes);
      return Buffer.from(`${head}${JSON.stringify(textOf(data))}${attributes}`);
    }
    if (isBinaryType(contentType)) return Buffer.from(`{"data_base64":"${base64Of(input.data)}"${attributes}`);
    return Buffer.from(`${head}${JSON.stringify(textOf(input.data))}${attributes}`);
  }

  /** Everything behind the payload, with the comma before it and the brace that ends the envelope. */
  #attributes({ topic, metadata, traceparent = '', tracestate = '' }: EnvelopeInput, contentType: string): string {
    const overrides = metadata === noMetadata ? undefined : overridesIn(metadata);
    const id = overrides?.['id'];
    const trace =
      overrides === undefined ? traceparent : overrides['traceparent'] || overrides['traceid'] || traceparent;
    const segments = overrides === undefined ? this.#segmentsOf(topic) : this.#newSegments(topic, overrides);
    const quotedTrace = trace === '' ? '""' : JSON.stringify(trace);
    const state = overrides?.['tracestate'] || tracestate;
    const expiration = this.#expiration(metadata);
    return (
      ',"datacontenttype":' +
      (contentType === 'application/json' ? quotedJsonType : JSON.stringify(contentType)) +
      (expiration === undefined ? ',"id":' : `,"expiration":"${expiration}","id":`) +
      (id ? JSON.stringify(id) : `"${crypto.randomUUID()}"`) +
      segments.afterId +
      now() +
      segments.afterTime +
      quotedTrace +
      ',"traceparent":' +
      quotedTrace +
      ',"tracestate":' +
      (state === '' ? '""' : JSON.stringify(state)) +
      `,"type":${overrides?.['type'] ? JSON.stringify(overrides['type']) : `"${defaultType}"`}}`
    );
  }

  #segmentsOf(topic: string): Segments {
    let segments = this.#segments.get(topic);
    if (segments === undefined) {
      segments = this.#newSegments(topic, {});
      if (this.#segments.size >= mostTopicsKept) this.#segments.clear();
      this.#segments.set(topic, segments);
    }
    return segments;
  }

  #newSegments(topic: string, overrides: Overrides): Segments {
    const source = JSON.stringify(overrides['source'] || this.#source);
    const subject = overrides['subject'] ? `,"subject":${JSON.stringify(overrides['subject'])}` : '';
    return {
      afterId: `,"pubsubname":${this.#pubsubName},"source":${source},"specversion":"1.0"${subject},"time":"`,
      afterTime: `","topic":${JSON.stringify(topic)},"traceid":`,
    };
  }

  #complete({ topic, data, metadata, traceparent = '', tracestate = '' }: EnvelopeInput): Uint8Array {
    const text = textOf(data);
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
      throw new TypeError('a cloud event is a JSON object');
    }
    const members = jsonMembers(text);
    const fill = (name: string, value: string): void => {
      if ((members.get(name) ?? 'null') === 'null') members.set(name, value);
    };
    members.set('pubsubname', this.#pubsubName).set('topic', JSON.stringify(topic));
    fill('source', '"Dapr"');
    fill('specversion', '"1.0"');
    fill('time', `"${now()}"`);
    fill('traceparent', members.get('traceid') ?? JSON.stringify(traceparent));
    fill('traceid', members.get('traceparent') ?? '""');
    fill('tracestate', JSON.stringify(tracestate));
    fill('type', `"${defaultType}"`);
    const expiration = this.#expiration(metadata);
    if (expiration !== undefined) members.set('expiration', `"${expiration}"`);
    const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : 1));
    return Buffer.from(`{${sorted.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`);
  }

  #expiration(metadata: RequestMetadata): string | undefined {
    const ttl = this.#nativeTtl ? undefined : ttlMilliseconds(metadata);
    return ttl === undefined ? undefined : rfc3339(Math.min(Date.now() + ttl, latestExpiration));
  }
}

type Overrides = Readonly<Record<string, string | undefined>>;

/** The `cloudevent.*` entries by lower-case name; `undefined` when there are none. */
function overridesIn(metadata: RequestMetadata): Overrides | undefined {
  let overrides: Record<string, string> | undefined;
  for (const name in metadata) {
    if (!/^cloudevent\./i.test(name)) continue;
    overrides ??= {};
    overrides[name.slice('cloudevent.'.length).toLowerCase()] = metadata[name] ?? '';
  }
  return overrides;
}

function isJson(data: Uint8Array): boolean {
  try {
    JSON.parse(textOf(data));
    return true;
  } catch {
    return false;
  }
}

function spliced(data: Uint8Array, attributes: string): Uint8Array {
  const envelope = Buffer.allocUnsafe(head.length + data.byteLength + Buffer.byteLength(attributes));
  envelope.write(head, 0, 'latin1');
  envelope.set(data, head.length);
  envelope.write(attributes, head.length + data.byteLength);
  return envelope;
}

function bufferOf(data: Uint8Array): Buffer {
  return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

export function textOf(data: Uint8Array): string {
  return bufferOf(data).toString('utf8');
}

export function base64Of(data: Uint8Array): string {
  return bufferOf(data).toString('base64');
}

let second = 0;
let secondText = '';

/** Now, as RFC 3339 with whole seconds; made once a second. */
function now(): string {
  const current = Math.floor(Date.now() / 1000);
  if (current !== second) {
    second = current;
    secondText = rfc3339(current * 1000);
  }
  return secondText;
}

function rfc3339(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
