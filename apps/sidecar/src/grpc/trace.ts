import { validTraceparent } from '../http/traceparent.ts';
import type { CallContext } from '@outrigger/grpc';
import { traceparentOf } from './trace-bin.ts';

const none = { traceparent: '', tracestate: '' };

/**
 * The caller's W3C trace context, both empty when there is none that is valid. As in Dapr the binary form of it counts first; that has
 * no state, which is taken from beside the other form where both say the same.
 */
export function callerTrace(context: CallContext): { readonly traceparent: string; readonly tracestate: string } {
  const binary = context.metadata('grpc-trace-bin');
  const text = context.metadata('traceparent');
  const traceparent = validTraceparent(binary === undefined ? text : traceparentOf(binary));
  if (traceparent === undefined) return none;
  if (binary !== undefined && traceparent !== text) return { traceparent, tracestate: '' };
  return { traceparent, tracestate: context.metadata('tracestate') ?? '' };
}
