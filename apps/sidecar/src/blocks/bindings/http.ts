import { InvokeBindingError, type OutputBindings } from '@outrigger/runtime';

import { headerOf } from '../../http/headers.ts';
import { replyBytes, replyEmpty } from '../../http/reply.ts';
import type { HttpExchange, Route } from '../../http/route.ts';
import { readInvokeBinding } from './binding-json.ts';
import { responseMetadata } from './response-metadata.ts';

/** Invoking output bindings (route 10 of the HTTP API). */
export function bindingRoutes(bindings: OutputBindings): readonly Route[] {
  const invoke = async (exchange: HttpExchange): Promise<void> => {
    const name = exchange.params[0] ?? '';
    const request = { ...readInvokeBinding(await exchange.body()), name, trace: traceOf(exchange) };
    try {
      const { data, contentType, metadata } = await bindings.invoke(request, exchange.signal());
      setMetadata(exchange, metadata);
      if (data === undefined || data.byteLength === 0) replyEmpty(exchange);
      else replyBytes(exchange, 200, data, [], contentType);
    } catch (error) {
      if (error instanceof InvokeBindingError) setMetadata(exchange, error.metadata);
      throw error;
    }
  };

  const api = { name: 'bindings', version: 'v1' };
  const methods = ['POST', 'PUT'];
  return [{ methods, pattern: '/v1.0/bindings/{name}', api, operation: 'InvokeBinding', handle: invoke }];
}

function traceOf({ request }: HttpExchange) {
  const { baggage } = request.headers;
  return {
    traceparent: headerOf(request, 'traceparent'),
    tracestate: headerOf(request, 'tracestate'),
    baggage: typeof baggage === 'string' ? baggage : undefined,
  };
}

/** An error is answered with it, too. */
function setMetadata({ response }: HttpExchange, metadata: Readonly<Record<string, string>> | undefined): void {
  for (const [name, value] of responseMetadata(metadata)) response.setHeader(name, value);
}
