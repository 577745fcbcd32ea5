import type { Message } from '@outrigger/core';
import { describe, expect, it } from 'vitest';

import { hasExpired, readMessage } from './cloud-event-received.ts';

function message(data: string | Uint8Array, rest: Partial<Message> = {}): Message {
  return { topic: 'wire', data: Buffer.from(data), metadata: {}, ...rest };
}

describe('a message from a broker', () => {
  it('is the envelope it was published as, byte for byte', () => {
    const sent = message('{"id":"1","data":12345678901234567890}');
    const { cloudEvent, body } = readMessage(sent, false, 'pubsub', 'orders');
    expect(cloudEvent).toMatchObject({ id: '1' });
    expect(body).toBe(sent.data);
  });

  it('takes a trace that it lacks from the metadata of the broker', () => {
    const metadata = { traceparent: 'theirs', tracestate: 'state', traceid: 'old' };
    expect(readMessage(message('{"tracestate":"own"}', { metadata }), false, 'p', 't').cloudEvent).toEqual({
      traceid: 'theirs',
      traceparent: 'theirs',
      tracestate: 'own',
    });
  });

  it('is an event in binary mode when the broker says that it holds bytes', () => {
    const metadata = { 'content-type': 'application/octet-stream', ce_id: '7', CE_Type: 'made' };
    const { cloudEvent, body } = readMessage(message('bytes', { metadata }), false, 'p', 't');
    expect(cloudEvent).toEqual({
      id: '7',
      type: 'made',
      datacontenttype: 'application/octet-stream',
      data: Buffer.from('bytes'),
    });
    expect(Buffer.from(body).toString()).toBe('bytes');
  });

  it('is refused when it is neither', () => {
    for (const data of ['text', '[]', '5', 'null', '']) {
      expect(() => readMessage(message(data), false, 'p', 't')).toThrow(/^the message is (not )?JSON/);
    }
  });

  it('is wrapped when the payload is raw, with the trace of the broker', () => {
    const { cloudEvent, body } = readMessage(message('raw', { metadata: { traceparent: 'x' } }), true, 'p', 't');
    expect(cloudEvent).toMatchObject({
      data_base64: 'cmF3',
      topic: 't',
      pubsubname: 'p',
      source: 'Dapr',
      traceid: 'x',
      traceparent: 'x',
    });
    expect(JSON.parse(Buffer.from(body).toString())).toEqual(cloudEvent);
  });

  it('expires when its time is over, and never when that cannot be read', () => {
    const now = Date.parse('2030-01-01T00:00:00Z');
    expect(hasExpired({ expiration: '2029-12-31T23:59:59Z' }, now)).toBe(true);
    expect(hasExpired({ expiration: '2030-01-01T01:00:01+01:00' }, now)).toBe(false);
    for (const expiration of [undefined, '', 'soon', 5]) expect(hasExpired({ expiration }, now)).toBe(false);
  });
});
