import type { HttpExchange } from './route.ts';
import { responseTraceparent } from './traceparent.ts';

const json = 'application/json';

/** Answers 204. */
export function replyEmpty(exchange: HttpExchange): void {
  exchange.response.writeHead(204, ['traceparent', responseTraceparent(exchange.request)]);
  exchange.response.end();
}

/** Answers with bytes, as JSON unless told otherwise. `more`: further header names and values, alternating. */
export function replyBytes(
  exchange: HttpExchange,
  status: number,
  body: Uint8Array,
  more?: readonly string[],
  contentType: string = json,
): void {
  const headers = [
    'content-type',
    contentType,
    'content-length',
    String(body.byteLength),
    'traceparent',
    responseTraceparent(exchange.request),
  ];
  if (more !== undefined) headers.push(...more);
  exchange.response.writeHead(status, headers);
  exchange.response.end(body);
}

/** Answers with a value as JSON. */
export function replyJson(exchange: HttpExchange, status: number, value: unknown): void {
  replyBytes(exchange, status, Buffer.from(JSON.stringify(value)));
}

/** Answers with a plain text and a line feed, as Go's `http.Error` does. */
export function replyText(exchange: HttpExchange, status: number, text: string): void {
  const more = ['x-content-type-options', 'nosniff'];
  replyBytes(exchange, status, Buffer.from(`${text}\n`), more, 'text/plain; charset=utf-8');
}
