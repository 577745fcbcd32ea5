import { STATUS_CODES } from 'node:http';

import type { Span, Tracer } from '@outrigger/runtime';

import { findTarget } from '../blocks/invoke/target.ts';
import { replaceRawHeader } from '../http/headers.ts';
import { requestTrace } from '../http/traceparent.ts';
import type { HttpExchange, Route } from '../http/route.ts';
import { apiAttributes, invokeSpanName, markedHeaders } from './api-attributes.ts';

/**
 * Begins the span of an API call, named as Dapr names it: for its path, or for the app and method it invokes. It ends with the answer.
 * From here on the request carries the span's context in place of the caller's, so that whatever is done for it belongs to the span. The answer has
 * the state of the trace, beside its `traceparent` that who answers takes from the request.
 */
export function traceRequest(tracer: Tracer, exchange: HttpExchange, route: Route | undefined): void {
  const { request, response, path } = exchange;
  const target = route === undefined || route.api.name === 'invoke' ? findTarget(exchange) : undefined;
  const group = target === undefined ? (route?.api.name ?? '') : 'invoke';
  const name = target === undefined ? path : invokeSpanName(target.target, target.path);
  const span = tracer.start(name, 'client', requestTrace(request));
  replaceRawHeader(request, 'traceparent', span.traceparent);
  replaceRawHeader(request, 'tracestate', span.tracestate);
  if (span.tracestate !== '') response.setHeader('tracestate', span.tracestate);
  if (!span.sampled) return;
  const statement = `${request.method ?? ''} ${path}`;
  const marked = [...markedHeaders(request.rawHeaders)];
  response.once('close', () => {
    for (const [header, value] of marked) span.set(header, value);
    const [component = '', topic = ''] = exchange.params;
    const attributes = apiAttributes({ group, name: target?.target ?? component, topic, statement });
    for (const key in attributes) span.set(key, attributes[key] ?? '');
    span.set('dapr.protocol', 'http');
    span.set('dapr.api', statement);
    endWith(span, exchange);
  });
}

/** From 400 on an answer is a failure, as Dapr has it. */
function endWith(span: Span, { response }: HttpExchange): void {
  const { statusCode } = response;
  span.set('dapr.status_code', String(statusCode));
  if (!response.writableFinished) span.fail('the client was gone before the answer was complete');
  else if (statusCode >= 400) span.fail(`Code(${statusCode}): ${STATUS_CODES[statusCode] ?? 'Unknown'}`);
  span.end();
}
