import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { expect, test } from 'vitest';

import { readOtlpJson } from './otlp-json.ts';
import { readOtlpProtobuf } from './otlp-protobuf.ts';
import type { TraceSpan } from './span.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';
const parentSpanId = '00f067aa0ba902b7';

const expected: TraceSpan = {
  traceId,
  spanId,
  parentSpanId,
  name: 'GET /orders',
  kind: 'server',
  service: 'orders',
  startMs: 1_700_000_000_000.125,
  endMs: 1_700_000_000_005.25,
  attributes: { 'http.status_code': '500', ok: 'false', path: '/orders' },
  error: 'no stock',
};

function message(write: (writer: BinaryWriter) => unknown): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

function attribute(key: string, write: (writer: BinaryWriter) => unknown): Uint8Array {
  return message((writer) => writer.uint32(10).string(key).uint32(18).bytes(message(write)));
}

const span = message((writer) =>
  writer
    .uint32(10)
    .bytes(Buffer.from(traceId, 'hex'))
    .uint32(18)
    .bytes(Buffer.from(spanId, 'hex'))
    // the trace state, which is passed over
    .uint32(26)
    .string('a=b')
    .uint32(34)
    .bytes(Buffer.from(parentSpanId, 'hex'))
    .uint32(42)
    .string('GET /orders')
    .uint32(48)
    .int32(2)
    .uint32(57)
    .fixed64('1700000000000125000')
    .uint32(65)
    .fixed64('1700000000005250000')
    .uint32(74)
    .bytes(attribute('http.status_code', (value) => value.uint32(24).int64(500)))
    .uint32(74)
    .bytes(attribute('ok', (value) => value.uint32(16).bool(false)))
    .uint32(74)
    .bytes(attribute('path', (value) => value.uint32(10).string('/orders')))
    .uint32(122)
    .bytes(message((status) => status.uint32(18).string('no stock').uint32(24).int32(2))),
);
const request = message((writer) =>
  writer.uint32(10).bytes(
    message((resourceSpans) =>
      resourceSpans
        .uint32(10)
        .bytes(
          message((resource) =>
            resource.uint32(10).bytes(attribute('service.name', (value) => value.uint32(10).string('orders'))),
          ),
        )
        .uint32(18)
        .bytes(message((scope) => scope.uint32(18).bytes(span))),
    ),
  ),
);

test('reads spans in protobuf', () => {
  expect(readOtlpProtobuf(request)).toEqual([expected]);
  expect(readOtlpProtobuf(new Uint8Array())).toEqual([]);
});

test('refuses protobuf that is cut off', () => {
  for (let length = 1; length < request.byteLength; length += 7) {
    expect(() => readOtlpProtobuf(request.subarray(0, length))).toThrow(/premature EOF|index out of range|illegal/i);
  }
});

test.each([
  { kind: 2, code: 2, nano: (text: string): unknown => text },
  { kind: 'SPAN_KIND_SERVER', code: 'STATUS_CODE_ERROR', nano: (text: string): unknown => text },
])('reads spans in JSON, with numbers or names', ({ kind, code, nano }) => {
  const one = {
    traceId: traceId.toUpperCase(),
    spanId,
    parentSpanId,
    name: 'GET /orders',
    kind,
    startTimeUnixNano: nano('1700000000000125000'),
    endTimeUnixNano: nano('1700000000005250000'),
    attributes: [
      { key: 'http.status_code', value: { intValue: '500' } },
      { key: 'ok', value: { boolValue: false } },
      { key: 'path', value: { stringValue: '/orders' } },
    ],
    status: { code, message: 'no stock' },
  };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'orders' } }] };
  expect(readOtlpJson({ resourceSpans: [{ resource, scopeSpans: [{ spans: [one] }] }] })).toEqual([expected]);
});

test('takes nothing from JSON of another shape', () => {
  for (const value of [null, 1, [], {}, { resourceSpans: 1 }, { resourceSpans: [null, { scopeSpans: [{}] }] }]) {
    expect(readOtlpJson(value)).toEqual([]);
  }
});

test('keeps a span short, however long it was made', () => {
  const attributes = Array.from({ length: 1000 }, (_, index) => ({
    key: `k${index}`,
    value: { stringValue: 'x'.repeat(100_000) },
  }));
  const spans = [{ traceId, spanId, name: 'n'.repeat(100_000), attributes }];
  const [read] = readOtlpJson({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
  expect(JSON.stringify(read).length).toBeLessThan(70_000);
});
