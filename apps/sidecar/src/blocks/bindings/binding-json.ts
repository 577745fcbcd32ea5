import { type InvokeBinding, malformedRequest } from '@outrigger/runtime';

import { asMetadata, asText, lowerCased, parseBody } from '../../http/json-body.ts';
import { JsonText } from '../../http/json-text.ts';

/**
 * The body of `POST /v1.0/bindings/{name}`. A text in `data` goes on without its quotes; any other value as the JSON that was
 * sent, byte for byte; a missing one is no data.
 */
export function readInvokeBinding(body: Buffer): Omit<InvokeBinding, 'name'> {
  const members = lowerCased(parseBody(body, malformedRequest), malformedRequest);
  const metadata = asMetadata(members['metadata'], 'metadata', malformedRequest);
  const data = 'data' in members ? dataOf(body, members['data']) : undefined;
  return {
    operation: asText(members['operation'], 'operation', malformedRequest) ?? '',
    ...(metadata !== undefined && { metadata }),
    ...(data !== undefined && { data }),
  };
}

function dataOf(body: Buffer, value: unknown): Uint8Array | undefined {
  if (typeof value === 'string') return Buffer.from(value);
  const text = new JsonText(body);
  const span = text.member(text.root, 'data');
  return span && body.subarray(span.start, span.end);
}
