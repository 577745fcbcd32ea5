import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

import { bodyOf, type Exchange, maxBodySize, replyJson } from '../http/exchange.ts';
import { HttpError } from '../http/http-error.ts';
import { readOtlpJson } from './otlp-json.ts';
import { readOtlpProtobuf } from './otlp-protobuf.ts';
import type { TraceSpan } from './span.ts';
import type { TraceStore } from './trace-store.ts';

/** Takes what an OTLP exporter sends to `/v1/traces`, in protobuf or JSON, also compressed with gzip. */
export async function receiveTraces(exchange: Exchange, store: TraceStore): Promise<void> {
  const { request, response } = exchange;
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  const isJson = type === 'application/json';
  if (!isJson && type !== 'application/x-protobuf') {
    throw new HttpError(415, 'traces come as application/x-protobuf or application/json');
  }
  const body = await decompressed(await bodyOf(request), request.headers['content-encoding']);
  const refused = store.add(spansIn(body, isJson));
  if (isJson) {
    return replyJson(exchange, refused > 0 ? { partialSuccess: { rejectedSpans: String(refused) } } : {});
  }
  // an empty message: all is well
  response.writeHead(200, { 'content-type': 'application/x-protobuf', 'content-length': 0 }).end();
}

function spansIn(body: Buffer, isJson: boolean): TraceSpan[] {
  try {
    return isJson ? readOtlpJson(JSON.parse(body.toString())) : readOtlpProtobuf(body);
  } catch (error) {
    throw new HttpError(400, 'the body is not an ExportTraceServiceRequest', { cause: error });
  }
}

async function decompressed(body: Buffer, encoding = 'identity'): Promise<Buffer> {
  if (encoding === 'identity') return body;
  if (encoding !== 'gzip') throw new HttpError(415, `the encoding ${encoding} is not taken; gzip is`);
  try {
    return await promisify(gunzip)(body, { maxOutputLength: maxBodySize });
  } catch (error) {
    throw new HttpError(400, `the body is not gzip, or more than ${maxBodySize} bytes`, { cause: error });
  }
}
