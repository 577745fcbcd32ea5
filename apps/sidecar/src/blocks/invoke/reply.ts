import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

import { errorMessage } from '@outrigger/core';
import { ApiError, type AppResponse, cancelBody, httpHeadersOf } from '@outrigger/runtime';

import type { HttpExchange } from '../../http/route.ts';
import { responseTraceparent } from '../../http/traceparent.ts';

/**
 * Writes what the app answered: its status, its headers, its body. Bytes go out as they come, no faster than the client takes
 * them. Resolves when all is written or the client is gone; rejects when the body breaks off, and when status or headers cannot
 * be written, and then lets go of the body.
 */
export async function replyAnswer(exchange: HttpExchange, answer: AppResponse): Promise<void> {
  try {
    await write(exchange, answer);
  } catch (error) {
    // The app may still be sending.
    cancelBody(answer.body);
    throw error;
  }
}

async function write(exchange: HttpExchange, answer: AppResponse): Promise<void> {
  const { request, response } = exchange;
  const { body, status } = answer;
  const isBodiless = request.method === 'HEAD' || status === 204 || status === 304;
  const headers = headersOf(exchange, answer, isBodiless);
  if (isBodiless || body === undefined || body instanceof Uint8Array) {
    response.writeHead(status, headers);
    if (isBodiless) {
      response.end();
      cancelBody(body);
    } else response.end(body);
    return;
  }
  // A length that the app has told is held against what it sends.
  response.strictContentLength = true;
  const trailers = mayHaveTrailers(exchange, headers) ? answer.trailers : undefined;
  if (trailers !== undefined) headers['trailer'] = trailers.names;
  response.writeHead(status, headers);
  // The client learns now that the app has answered, and not with the first piece of the body.
  flushHeaders(exchange);
  await pass(body, response, trailers);
}

const nothing = Buffer.alloc(0);

function flushHeaders({ request, response }: HttpExchange): void {
  if (request.httpVersionMajor >= 2) response.flushHeaders();
  // Node's own way to do it makes UTF-8 of every byte beyond ASCII.
  else response.write(nothing);
}

function headersOf(
  { request }: HttpExchange,
  { status, headers, body, grpc }: AppResponse,
  isBodiless: boolean,
): OutgoingHttpHeaders {
  const all = { ...(grpc === undefined ? headers : httpHeadersOf(headers, grpc.dataTypeUrl)) } as OutgoingHttpHeaders;
  if (status === 204) delete all['content-length'];
  else if (!isBodiless && (body === undefined || body instanceof Uint8Array))
    all['content-length'] = body?.byteLength ?? 0;
  all['traceparent'] ??= responseTraceparent(request);
  return all;
}

/** HTTP/1 has them behind a body in pieces alone. */
function mayHaveTrailers({ request }: HttpExchange, headers: OutgoingHttpHeaders): boolean {
  return request.httpVersion !== '1.0' && headers['content-length'] === undefined;
}

async function pass(
  body: AsyncIterable<Uint8Array>,
  response: ServerResponse,
  trailers: AppResponse['trailers'],
): Promise<void> {
  try {
    for await (const chunk of body) {
      if (response.destroyed) return;
      if (!response.write(chunk)) await drained(response);
    }
    if (trailers !== undefined) response.addTrailers(trailers.values() as OutgoingHttpHeaders);
    response.end();
  } catch (error) {
    throw new ApiError(`the answer broke off: ${errorMessage(error)}`, {
      errorCode: 'ERR_DIRECT_INVOKE',
      httpStatus: 500,
      grpcStatus: 'INTERNAL',
      cause: error,
    });
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
