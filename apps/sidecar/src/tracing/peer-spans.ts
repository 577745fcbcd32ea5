import type { CallContext, Service } from '@outrigger/grpc';
import type { InternalInvokeRequest, InternalInvokeRequestStream } from '@outrigger/protocol';
import type { AppResponse, Invocation, Tracer } from '@outrigger/runtime';

import { callerTrace } from '../grpc/trace.ts';
import { invokeSpanName, methodName } from './api-attributes.ts';

/** The same, with a span for each call of a peer, under whose context the app is called. It ends with the head of the answer. */
export function tracePeers<T extends Pick<Invocation, 'fromPeer'>>(
  invocation: T,
  appId: string,
  tracer: Tracer | undefined,
): Pick<T, 'fromPeer'> {
  if (tracer === undefined) return invocation;
  return {
    fromPeer: async (request, peer, signal) => {
      const { 'grpc-trace-bin': _, tracestate: __, ...headers } = request.headers;
      const parent = {
        traceparent: textOf(request.headers['traceparent']),
        tracestate: textOf(request.headers['tracestate']),
      };
      const span = tracer.start(invokeSpanName(appId, request.path), 'server', parent, {
        'dapr.protocol': 'grpc',
        'dapr.api': '/dapr.proto.internals.v1.ServiceInvocation/CallLocal',
        'dapr.invoke_method': methodName(request.path),
        'rpc.service': 'ServiceInvocation',
      });
      const { traceparent, tracestate } = span;
      const own = { ...headers, traceparent, ...(tracestate !== '' && { tracestate }) };
      try {
        const answer = await invocation.fromPeer({ ...request, headers: own }, peer, signal);
        const failure = failureOf(answer);
        if (failure !== undefined) span.fail(failure);
        return answer;
      } catch (error) {
        span.fail('the call failed');
        throw error;
      } finally {
        span.end();
      }
    },
  };
}

/**
 * Dapr's sidecars name the trace of a call in the metadata that gRPC carries, and not in the message: where it is there, it is put
 * where {@link tracePeers} looks for it.
 *
 * @param service `ServiceInvocation`
 */
export function withMetadataTrace(service: Service, tracer: Tracer | undefined): Service {
  if (tracer === undefined) return service;
  const methods = service.methods.map((method) =>
    method.kind === 'unary'
      ? {
          ...method,
          handle: (request: unknown, context: CallContext) =>
            method.handle(traced(request as InternalInvokeRequest, context), context),
        }
      : {
          ...method,
          handle: (requests: AsyncIterable<unknown>, context: CallContext) =>
            method.handle(firstTraced(requests as AsyncIterable<InternalInvokeRequestStream>, context), context),
        },
  );
  return { ...service, methods };
}

function traced(request: InternalInvokeRequest, context: CallContext): InternalInvokeRequest {
  if (context.metadata('grpc-trace-bin') === undefined) return request;
  const { traceparent, tracestate } = callerTrace(context);
  if (traceparent === '') return request;
  const others = Object.entries(request.metadata).filter(([name]) => !/^trace(?:parent|state)$/i.test(name));
  const metadata = {
    ...Object.fromEntries(others),
    traceparent: { values: [traceparent] },
    ...(tracestate !== '' && { tracestate: { values: [tracestate] } }),
  };
  return { ...request, metadata };
}

async function* firstTraced(
  messages: AsyncIterable<InternalInvokeRequestStream>,
  context: CallContext,
): AsyncGenerator<InternalInvokeRequestStream> {
  for await (const message of messages) {
    const { request } = message;
    yield request === undefined ? message : { ...message, request: traced(request, context) };
  }
}

/** The app's own failure; that a caller asked for what there is not, is none of it. */
function failureOf({ status, grpc }: AppResponse): string | undefined {
  if (grpc !== undefined) return grpc.status === 'OK' ? undefined : `${grpc.status}: ${grpc.message}`;
  return status >= 500 ? `HTTP ${status}` : undefined;
}

function textOf(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.[0] ?? '');
}
