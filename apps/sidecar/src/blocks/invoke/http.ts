import type { IncomingMessage } from 'node:http';

import { type Body, headersOf, type Invocation, noAppId } from '@outrigger/runtime';

import { headerOf } from '../../http/headers.ts';
import { METHODS } from '../../http/node-http.ts';
import type { HttpExchange, Route } from '../../http/route.ts';
import { replyAnswer } from './reply.ts';
import { findTarget } from './target.ts';

/** Bodies up to this size are read before the call: cheaper than a stream, and they can be sent again. */
const wholeBodyLimit = 64 * 1024;

/** `/v1.0/invoke/{target}/method/{path…}` with any verb. */
export function invokeRoutes(invocation: Invocation): Route[] {
  const handle = invokeFallback(invocation);
  const api = { name: 'invoke', version: 'v1' };
  return [
    { methods: METHODS, pattern: '/v1.0/invoke/{target}/method/{path…}', api, operation: 'InvokeService', handle },
  ];
}

/** Takes every request that has no route: calls that name their target in a header, as Basic-auth user, or as a URL in the path. */
export function invokeFallback(invocation: Invocation): (exchange: HttpExchange) => Promise<void> {
  return async (exchange) => {
    const found = findTarget(exchange);
    if (found === undefined) throw noAppId();
    const { request, query } = exchange;
    const { target, path } = found;
    const body = await bodyOf(exchange);
    const headers = headersOf(request.rawHeaders, found.byBasicAuth ? isHeaderForApp : isHeader);
    const verb = request.method ?? 'GET';
    const answer = await invocation.invoke({ target, verb, path, query, headers, body }, exchange.signal());
    await replyAnswer(exchange, answer);
  };
}

async function bodyOf(exchange: HttpExchange): Promise<Body> {
  const { request } = exchange;
  const length = headerOf(request, 'content-length');
  if (length !== undefined) {
    const bytes = Number(length);
    if (bytes === 0) return undefined;
    return bytes <= wholeBodyLimit ? exchange.body() : exchange.bodyStream();
  }
  return hasBody(request) ? exchange.bodyStream() : undefined;
}

/** Whether a body of unknown length follows. HTTP/2 has no header for that: there a request without one ends with its headers. */
function hasBody(request: IncomingMessage & { readonly stream?: { readonly endAfterHeaders: boolean } }): boolean {
  if (request.httpVersionMajor < 2) return headerOf(request, 'transfer-encoding') !== undefined;
  return request.stream?.endAfterHeaders === false;
}

/** HTTP/2's pseudo-headers say what method and path say already. */
function isHeader(name: string): boolean {
  return !name.startsWith(':');
}

function isHeaderForApp(name: string): boolean {
  return isHeader(name) && name !== 'authorization';
}
