/** What SNS and SQS take as the text of a message; Unicode without most control characters. */
const allowedText = /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]+$/u;

/** The message attribute that marks base64; ours, unknown to Dapr. */
export const encodingAttribute = 'encoding';

/** Stands for no data at all, as SNS refuses an empty message; it decodes to nothing. */
const noData = '====';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface EncodedData {
  readonly text: string;
  readonly isBase64: boolean;
}

/** Data as SNS carries it: its text as it is, base64 where it is none. */
export function encodeData(data: Uint8Array): EncodedData {
  try {
    const text = utf8.decode(data);
    if (allowedText.test(text)) return { text, isBase64: false };
  } catch {
    // not UTF-8
  }
  return {
    text: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64') || noData,
    isBase64: true,
  };
}

export interface DecodedBody {
  /** Absent where the message did not come through SNS, or with its raw delivery. */
  readonly topicArn?: string;
  readonly data: Uint8Array;
}

interface Notification {
  readonly TopicArn: string;
  readonly Message: string;
  readonly MessageAttributes?: Readonly<Record<string, { readonly Value?: unknown } | undefined>>;
}

/** The body of an SQS message: the notification that SNS wraps a message into, or whatever else somebody has sent there. */
export function decodeBody(body: string): DecodedBody {
  const notification = parseNotification(body);
  if (!notification) return { data: Buffer.from(body) };
  const { TopicArn: topicArn, Message: text, MessageAttributes: attributes } = notification;
  const isBase64 = attributes?.[encodingAttribute]?.Value === 'base64';
  return { topicArn, data: Buffer.from(text, isBase64 ? 'base64' : 'utf8') };
}

function parseNotification(body: string): Notification | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    const { TopicArn, Message } = parsed as Partial<Notification>;
    return typeof TopicArn === 'string' && typeof Message === 'string' ? (parsed as Notification) : undefined;
  } catch {
    return undefined;
  }
}
