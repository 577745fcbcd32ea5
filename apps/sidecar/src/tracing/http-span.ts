import type { Tracer } from '@outrigger/runtime';

import { setHeader } from '../http/headers.ts';
import { requestTrace } from '../http/traceparent.ts';
import type { HttpExchange } from '../http/route.ts';

/**
 * Begins the span of an API call, named for its path as Dapr names it; it ends with the answer. From here on the request carries the
 * span's context in place of the caller's, so that whatever is done for it belongs to the span.
 */
export function traceRequest(tracer: Tracer, { request, response, path }: HttpExchange): void {
  const span = tracer.start(path, 'client', requestTrace(request), {
    'dapr.protocol': 'http',
    'dapr.api': `${request.method ?? ''} ${path}`,
  });
  setHeader(request, 'traceparent', span.traceparent);
  if (span.tracestate !== '') setHeader(request, 'tracestate', span.tracestate);
  response.once('close', () => {
    span.set('dapr.status_code', String(response.statusCode));
    if (!response.writableFinished) span.fail('the client was gone before the answer was complete');
    else if (response.statusCode >= 400) span.fail(`HTTP ${response.statusCode}`);
    span.end();
  });
}
