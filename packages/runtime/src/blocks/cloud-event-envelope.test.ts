import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type EnvelopeInput, EnvelopeWriter } from './cloud-event-envelope.ts';

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

function writer(nativeTtl = false): EnvelopeWriter {
  return new EnvelopeWriter({ appId: 'checkout', pubsubName: 'pubsub', nativeTtl });
}

function write(input: Partial<Omit<EnvelopeInput, 'data'>> & { data: string | Uint8Array }, nativeTtl = false): string {
  const { data, ...rest } = input;
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  return Buffer.from(writer(nativeTtl).write({ topic: 'orders', metadata: {}, ...rest, data: bytes })).toString();
}

/** The envelope with what differs from run to run replaced. */
function golden(envelope: string): string {
  return envelope
    .replace(/"id":"[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}"/, '"id":"ID"')
    .replace(/"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/, '"time":"TIME"')
    .replace(/"expiration":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/, '"expiration":"LATER"');
}

describe('a new envelope', () => {
  it('carries JSON byte for byte, with its attributes in alphabetical order', () => {
    const data = '{ "b": 12345678901234567890, "a": [1.10, "é"] }';
    expect(golden(write({ data, contentType: 'application/json', traceparent, tracestate: 'v=1' }))).toBe(
      `{"data":${data},"datacontenttype":"application/json","id":"ID","pubsubname":"pubsub","source":"checkout","specversion":"1.0",` +
        `"time":"TIME","topic":"orders","traceid":"${traceparent}","traceparent":"${traceparent}","tracestate":"v=1","type":"com.dapr.event.sent"}`,
    );
  });

  it('has empty trace attributes when there is no trace, and text/plain when no type is given', () => {
    expect(golden(write({ data: 'a "text"' }))).toBe(
      '{"data":"a \\"text\\"","datacontenttype":"text/plain","id":"ID","pubsubname":"pubsub","source":"checkout","specversion":"1.0",' +
        '"time":"TIME","topic":"orders","traceid":"","traceparent":"","tracestate":"","type":"com.dapr.event.sent"}',
    );
  });

  it('carries bytes as base64', () => {
    const envelope = golden(write({ data: Uint8Array.of(0, 255, 1), contentType: 'application/octet-stream' }));
    expect(envelope).toMatch(/^\{"data_base64":"AP8B","datacontenttype":"application\/octet-stream","id":"ID",/);
  });

  it('falls back to a string when the JSON does not parse', () => {
    for (const data of ['{broken', '', '{"a":1} trailing', '\ufeff{}']) {
      expect(JSON.parse(write({ data, contentType: 'application/json' }))).toMatchObject({ data });
    }
  });

  it('is valid when JSON comes with broken UTF-8', () => {
    const data = Buffer.from([0x22, 0xff, 0x22]);
    expect(JSON.parse(write({ data, contentType: 'application/json; charset=utf-8' }))).toMatchObject({
      data: '"\ufffd"',
    });
  });

  it('takes its attributes from cloudevent.* metadata in any case, traceparent before traceid', () => {
    const metadata = {
      'cloudevent.id': 'id-1',
      'CloudEvent.Source': 'there',
      'cloudevent.type': 'order.made',
      'cloudevent.subject': 'no "7"',
      'cloudevent.traceid': 'old',
      'cloudevent.traceparent': 'new',
      'cloudevent.tracestate': 'state',
      'cloudevent.topic': 'not this',
      'cloudevent.datacontenttype': 'nor this',
    };
    expect(JSON.parse(write({ data: 'x', metadata, traceparent }))).toMatchObject({
      id: 'id-1',
      source: 'there',
      type: 'order.made',
      subject: 'no "7"',
      traceid: 'new',
      traceparent: 'new',
      tracestate: 'state',
      topic: 'orders',
      datacontenttype: 'text/plain',
    });
  });

  it('names Dapr as its source when the app has no id', () => {
    const envelope = new EnvelopeWriter({ appId: '', pubsubName: 'p', nativeTtl: false });
    const bytes = envelope.write({ topic: 't', data: Buffer.from('x'), metadata: {} });
    expect(JSON.parse(Buffer.from(bytes).toString())).toMatchObject({ source: 'Dapr' });
  });
});

describe('the TTL of a message', () => {
  const expiration = (metadata: Record<string, string>, nativeTtl = false): unknown =>
    (JSON.parse(write({ data: 'x', metadata }, nativeTtl)) as { expiration?: unknown }).expiration;

  it('becomes an expiration where the component has no TTL of its own', () => {
    for (const metadata of [{ ttlInSeconds: '60' }, { TTLINSECONDS: '60' }, { ttl: '60' }, { ttl: '1m' }]) {
      const seconds = (Date.parse(expiration(metadata) as string) - Date.now()) / 1000;
      expect(seconds).toBeGreaterThan(57);
      expect(seconds).toBeLessThanOrEqual(60);
    }
    expect(golden(write({ data: '1', contentType: 'application/json', metadata: { ttlInSeconds: '9' } }))).toMatch(
      /"datacontenttype":"application\/json","expiration":"LATER","id":"ID"/,
    );
  });

  it('is left to the component where it has one', () => {
    expect(expiration({ ttlInSeconds: '60' }, true)).toBeUndefined();
  });

  it('is ignored when it cannot be read or is not above zero, and never overflows', () => {
    for (const ttlInSeconds of ['abc', '', '0', '-5', '1x']) expect(expiration({ ttlInSeconds })).toBeUndefined();
    expect(expiration({ ttlInSeconds: '99999999999999999' })).toBe('9999-12-31T23:59:59Z');
  });
});

describe('an event that is an envelope already', () => {
  const contentType = 'application/cloudevents+json; charset=utf-8';

  it('keeps its members byte for byte and gets what it lacks', () => {
    const data =
      '{"type":"t","id":"1","data":{"n":12345678901234567890,"s":"}\\"{"},"source":"mine","topic":"x","pubsubname":"y","ext":[1]}';
    expect(golden(write({ data, contentType, traceparent }))).toBe(
      '{"data":{"n":12345678901234567890,"s":"}\\"{"},"ext":[1],"id":"1","pubsubname":"pubsub","source":"mine","specversion":"1.0",' +
        `"time":"TIME","topic":"orders","traceid":"${traceparent}","traceparent":"${traceparent}","tracestate":"","type":"t"}`,
    );
  });

  it('keeps the trace, the time and the version it came with', () => {
    const own = { specversion: '1.1', time: 'then', traceid: 'a', traceparent: 'b', tracestate: 'c', type: 't' };
    expect(JSON.parse(write({ data: JSON.stringify(own), contentType, traceparent }))).toEqual({
      ...own,
      source: 'Dapr',
      topic: 'orders',
      pubsubname: 'pubsub',
    });
  });

  it('fills what is null like what is absent', () => {
    expect(JSON.parse(write({ data: '{"source":null,"type": null }', contentType }))).toMatchObject({
      source: 'Dapr',
      type: 'com.dapr.event.sent',
    });
  });

  it('gets an expiration too', () => {
    expect(JSON.parse(write({ data: '{}', contentType, metadata: { ttl: '5' } }))).toHaveProperty('expiration');
  });

  it('is refused when it is none', () => {
    for (const data of ['{', '[]', '"x"', 'null', ''])
      expect(() => write({ data, contentType })).toThrow(/JSON|cloud event/);
  });
});

describe('any payload', () => {
  it('comes back from the envelope as the JSON it was', () => {
    fc.assert(
      fc.property(fc.json(), fc.string(), (data, topic) => {
        const envelope = write({ data, topic, contentType: 'application/json' });
        expect(envelope.startsWith(`{"data":${data},`)).toBe(true);
        expect(JSON.parse(envelope)).toMatchObject({ topic });
      }),
      { numRuns: 50 },
    );
  });

  it('comes back from the envelope as the text or the bytes it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.uint8Array(), (text, bytes) => {
        expect(JSON.parse(write({ data: text }))).toMatchObject({ data: text });
        const binary = JSON.parse(write({ data: bytes, contentType: 'application/octet-stream' })) as {
          data_base64: string;
        };
        expect(Buffer.from(binary.data_base64, 'base64').equals(bytes)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('keeps every member when it is an envelope already', () => {
    // fast-check's own unit for these takes a second of a quiet machine to make
    const character = fc.oneof(
      fc.integer({ min: 0, max: 0xd7ff }).map((code) => String.fromCodePoint(code)),
      fc.integer({ min: 0xe000, max: 0x10ffff }).map((code) => String.fromCodePoint(code)),
    );
    const name = fc.oneof(
      { weight: 3, arbitrary: fc.string({ unit: character }) },
      fc.constantFrom('__proto__', 'constructor', 'toString', 'traceid', 'time', '0', 'a\\', '"', '{', ','),
    );
    const members = fc.dictionary(name, fc.json(), { noNullPrototype: true });
    fc.assert(
      fc.property(members, (wanted) => {
        const own = Object.entries(wanted).filter(
          ([name, value]) => !['topic', 'pubsubname'].includes(name) && value !== 'null',
        );
        const data = `{ ${own.map(([name, value]) => `${JSON.stringify(name)} : ${value}`).join(' , ')} }`;
        const envelope = write({ data, contentType: 'application/cloudevents+json' });
        const parsed = JSON.parse(envelope) as Record<string, unknown>;
        for (const [name, value] of own) {
          expect(parsed[name]).toEqual(JSON.parse(value));
          expect(envelope).toContain(`${JSON.stringify(name)}:${value}`);
        }
      }),
      { numRuns: 50 },
    );
  });
});
