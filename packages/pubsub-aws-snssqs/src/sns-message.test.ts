import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeBody, encodeData, encodingAttribute } from './sns-message.ts';

/** What SNS makes of it for SQS. */
function notification({ text, isBase64 }: { text: string; isBase64: boolean }): string {
  return JSON.stringify({
    Type: 'Notification',
    TopicArn: 'arn:aws:sns:us-east-1:1:orders',
    Message: text,
    ...(isBase64 && { MessageAttributes: { [encodingAttribute]: { Type: 'String', Value: 'base64' } } }),
  });
}

describe('data through SNS', () => {
  it.each([
    ['{"a":1}', false],
    ['Grüße 注文 🚀\t\r\n', false],
    ['\uFEFFwith a byte order mark', false],
    ['', true],
    ['a\u0000b', true],
    ['\uFFFF', true],
  ])('%j arrives as it was; in base64: %s', (text, isBase64) => {
    const encoded = encodeData(Buffer.from(text));
    expect(encoded.isBase64).toBe(isBase64);
    if (!isBase64) expect(encoded.text).toBe(text);
    expect(encoded.text).not.toBe('');
    expect(Buffer.from(decodeBody(notification(encoded)).data).toString()).toBe(text);
  });

  it('bytes that are no text arrive as they were', () => {
    const bytes = new Uint8Array(randomBytes(100).buffer, 0).subarray(3, 77);
    expect([...decodeBody(notification(encodeData(bytes))).data]).toEqual([...bytes]);
  });

  it('what Dapr has published has no mark', () => {
    const { topicArn, data } = decodeBody('{"TopicArn":"arn:aws:sns:us-east-1:1:orders","Message":"aGVsbG8="}');
    expect(topicArn).toBe('arn:aws:sns:us-east-1:1:orders');
    expect(Buffer.from(data).toString()).toBe('aGVsbG8=');
  });

  it.each(['hello', '{"hello":1}', 'null', '[1]'])(
    '%s, which did not come through a topic, is taken as it is',
    (body) => {
      const { topicArn, data } = decodeBody(body);
      expect(topicArn).toBeUndefined();
      expect(Buffer.from(data).toString()).toBe(body);
    },
  );
});
