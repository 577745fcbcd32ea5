import { ComponentError, parseDuration, type RequestMetadata } from '@outrigger/core';
import type { MessageProperties, Options } from 'amqplib';

export interface Publication {
  readonly routingKey: string;
  readonly options: Options.Publish;
}

export interface PublishDefaults {
  readonly persistent: boolean;
  /** Milliseconds. */
  readonly ttlMs: number | undefined;
  /** The exchange is one of the delayed-message plugin. */
  readonly canDelay: boolean;
}

/** The most bytes of a name, a routing key or a property. */
export const shortText = 255;
/** As the protocol has it: milliseconds that fit 32 bits. */
const longestMs = 2 ** 32 - 1;

/**
 * What metadata of a publish request means to the broker. Names in any case: `routingKey`, `ttlInSeconds` (or `ttl`), `priority`,
 * `contentType`, `messageID`, `correlationID`, `type`; `x-delay` in milliseconds. All others travel as headers.
 */
export function publication(metadata: RequestMetadata, defaults: PublishDefaults): Publication {
  let routingKey = '';
  let ttlMs = defaults.ttlMs;
  const headers: Record<string, unknown> = {};
  const options: Options.Publish = { contentType: 'text/plain', persistent: defaults.persistent, headers };
  for (const [name, value] of Object.entries(metadata)) {
    switch (name.toLowerCase()) {
      case 'routingkey':
        routingKey = short(value, name);
        break;
      case 'ttlinseconds':
      case 'ttl':
        ttlMs = parseTtl(value) ?? ttlMs;
        break;
      case 'priority':
        options.priority = wholeNumber(value, name, 255);
        break;
      case 'contenttype':
        if (value !== '') options.contentType = short(value, name);
        break;
      case 'messageid':
        options.messageId = short(value, name);
        break;
      case 'correlationid':
        options.correlationId = short(value, name);
        break;
      case 'type':
        options.type = short(value, name);
        break;
      case 'x-delay':
        if (!defaults.canDelay) {
          throw new ComponentError(
            'unsupported',
            "x-delay needs the broker's delayed-message plugin and the field exchangeKind: x-delayed-message",
          );
        }
        headers['x-delay'] = wholeNumber(value, name, longestMs);
        break;
      default:
        // the broker takes these two as further routing keys and closes the channel over a text
        if (name === 'CC' || name === 'BCC')
          throw new ComponentError('invalid-argument', `the broker reserves the name ${name}`);
        short(name, 'the name of a metadata entry');
        headers[name] = value;
    }
  }
  if (ttlMs !== undefined) options.expiration = Math.min(ttlMs, longestMs);
  return { routingKey, options };
}

/**
 * What the subscriber learns of a message: its headers, under their own names. With `withProperties`, as Dapr gives them, also
 * `metadata.<name>` for each header and `metadata.messageid`, `metadata.contenttype`, … for the properties that are set.
 */
export function receivedMetadata(properties: MessageProperties, withProperties: boolean): RequestMetadata {
  const metadata: Record<string, string> = {};
  const { headers } = properties;
  if (headers) for (const name of Object.keys(headers)) metadata[name] = shown(headers[name]);
  if (!withProperties) return metadata;
  for (const name of Object.keys(metadata)) metadata[`metadata.${name}`] = metadata[name] ?? '';
  for (const name of named) {
    const value: unknown = properties[name];
    if (value !== undefined && value !== '') metadata[`metadata.${name.toLowerCase()}`] = shown(value);
  }
  return metadata;
}

const named = [
  'messageId',
  'contentType',
  'contentEncoding',
  'correlationId',
  'type',
  'priority',
  'expiration',
  'replyTo',
  'timestamp',
  'userId',
  'appId',
  'deliveryMode',
] as const satisfies readonly (keyof MessageProperties)[];

function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return value.toString();
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : (JSON.stringify(value) ?? '');
}

// as with Dapr, what is no number is no time to live
function parseTtl(value: string): number | undefined {
  const milliseconds = parseDuration(value, 's');
  return milliseconds === undefined || milliseconds <= 0 ? undefined : Math.max(1, Math.floor(milliseconds));
}

function wholeNumber(value: string, name: string, max: number): number {
  const number = /^\d+$/.test(value.trim()) ? Number(value) : NaN;
  if (!(number <= max)) throw new ComponentError('invalid-argument', `${name} must be a whole number from 0 to ${max}`);
  return number;
}

function short(value: string, name: string): string {
  // a character has at most three bytes for each of its code units
  if (value.length * 3 > shortText && Buffer.byteLength(value) > shortText) {
    throw new ComponentError('invalid-argument', `${name} must not be longer than ${shortText} bytes`);
  }
  return value;
}
