import type { Invocation, Tracer } from '@outrigger/runtime';

/** The same, with a span for each call of a peer, under whose context the app is called. It ends with the head of the answer. */
export function tracePeers<T extends Pick<Invocation, 'fromPeer'>>(
  invocation: T,
  appId: string,
  tracer: Tracer | undefined,
): Pick<T, 'fromPeer'> {
  if (tracer === undefined) return invocation;
  return {
    fromPeer: async (request, peer, signal) => {
      const { traceparent, tracestate } = request.headers;
      const parent = { traceparent: textOf(traceparent), tracestate: textOf(tracestate) };
      const span = tracer.start(`CallLocal/${appId}/${request.path}`, 'server', parent, {
        'dapr.protocol': 'grpc',
        'dapr.api': '/dapr.proto.internals.v1.ServiceInvocation/CallLocal',
        'rpc.service': 'ServiceInvocation',
      });
      try {
        const headers = { ...request.headers, traceparent: span.traceparent };
        return await invocation.fromPeer({ ...request, headers }, peer, signal);
      } catch (error) {
        span.fail('the call failed');
        throw error;
      } finally {
        span.end();
      }
    },
  };
}

function textOf(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.[0] ?? '');
}
