import { BinaryReader } from '@bufbuild/protobuf/wire';

import { toMilliseconds } from './otlp-json.ts';
import { bounded, boundedAttributes, spanKinds, type TraceSpan } from './span.ts';

type Field = (reader: BinaryReader) => void;

/** The spans of an `ExportTraceServiceRequest` in protobuf. Throws for bytes that are none; fields that are unknown are passed over. */
export function readOtlpProtobuf(bytes: Uint8Array): TraceSpan[] {
  const spans: TraceSpan[] = [];
  read(bytes, { 1: (reader) => spans.push(...readResourceSpans(reader.bytes())) });
  return spans;
}

function readResourceSpans(bytes: Uint8Array): TraceSpan[] {
  const scopes: Uint8Array[] = [];
  let service = 'unknown';
  read(bytes, {
    1: (reader) => {
      service = new Map(readAttributes(reader.bytes(), 1)).get('service.name') ?? service;
    },
    2: (reader) => scopes.push(reader.bytes()),
  });
  const spans: TraceSpan[] = [];
  for (const scope of scopes) {
    read(scope, { 2: (reader) => spans.push(readSpan(reader.bytes(), bounded(service))) });
  }
  return spans;
}

function readSpan(bytes: Uint8Array, service: string): TraceSpan {
  let [traceId, spanId, parentSpanId, name] = ['', '', '', ''];
  let [kind, startMs, endMs] = [0, NaN, NaN];
  let status: Uint8Array | undefined;
  const hex = (reader: BinaryReader) => Buffer.from(reader.bytes()).toString('hex');
  read(bytes, {
    1: (reader) => (traceId = hex(reader)),
    2: (reader) => (spanId = hex(reader)),
    4: (reader) => (parentSpanId = hex(reader)),
    5: (reader) => (name = bounded(reader.string())),
    6: (reader) => (kind = reader.int32()),
    7: (reader) => (startMs = toMilliseconds(BigInt(reader.fixed64()))),
    8: (reader) => (endMs = toMilliseconds(BigInt(reader.fixed64()))),
    15: (reader) => (status = reader.bytes()),
  });
  const error = status === undefined ? undefined : readError(status);
  return {
    traceId,
    spanId,
    parentSpanId,
    name,
    kind: spanKinds[kind] ?? 'unspecified',
    service,
    startMs,
    endMs,
    attributes: boundedAttributes(readAttributes(bytes, 9)),
    ...(error !== undefined && { error }),
  };
}

function readError(bytes: Uint8Array): string | undefined {
  let message = '';
  let code = 0;
  read(bytes, { 2: (reader) => (message = reader.string()), 3: (reader) => (code = reader.int32()) });
  return code === 2 ? bounded(message) || 'failed' : undefined;
}

/** Of a message that has them in the field `number`. */
function readAttributes(bytes: Uint8Array, number: number): [string, string][] {
  const attributes: [string, string][] = [];
  read(bytes, {
    [number]: (reader) => {
      let [key, value] = ['', ''];
      read(reader.bytes(), {
        1: (entry) => (key = entry.string()),
        2: (entry) => (value = valueText(entry.bytes())),
      });
      attributes.push([key, value]);
    },
  });
  return attributes;
}

/** Lists and maps are shown by their size alone. */
function valueText(bytes: Uint8Array): string {
  let text = '';
  read(bytes, {
    1: (reader) => (text = reader.string()),
    2: (reader) => (text = String(reader.bool())),
    3: (reader) => (text = String(reader.int64())),
    4: (reader) => (text = String(reader.double())),
    5: (reader) => (text = `(list, ${reader.bytes().byteLength} bytes)`),
    6: (reader) => (text = `(map, ${reader.bytes().byteLength} bytes)`),
    7: (reader) => (text = `(${reader.bytes().byteLength} bytes)`),
  });
  return text;
}

function read(bytes: Uint8Array, fields: Readonly<Record<number, Field>>): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = fields[number];
    if (field === undefined) reader.skip(wireType, number);
    else field(reader);
  }
}
