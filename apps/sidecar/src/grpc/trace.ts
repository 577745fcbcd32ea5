import { validTraceparent } from '../http/traceparent.ts';
import type { CallContext } from '@outrigger/grpc';
import { traceparentOf } from './trace-bin.ts';

const none = { traceparent: '', tracestate: '' };

/** The caller's W3C trace context, both empty when there is none that is valid. As in Dapr the binary form of it counts first. */
export function callerTrace(context: CallContext): { readonly traceparent: string; readonly tracestate: string } {
  const binary = context.metadata('grpc-trace-bin');
  if (binary !== undefined) return { traceparent: validTraceparent(traceparentOf(binary)) ?? '', tracestate: '' };
  const traceparent = validTraceparent(context.metadata('traceparent'));
  if (traceparent === undefined) return none;
  return { traceparent, tracestate: context.metadata('tracestate') ?? '' };
}
