import { DaprDefinition, type InvokeBindingRequest } from '@outrigger/protocol/runtime';
import { InvokeBindingError, type OutputBindings } from '@outrigger/runtime';

import { type CallContext, type ServiceMethod, unary } from '@outrigger/grpc';
import { callerTrace } from '../../grpc/trace.ts';
import { responseMetadata } from './response-metadata.ts';

const noData = Buffer.alloc(0);

/** The method of the bindings building block. */
export function bindingMethods(bindings: OutputBindings): ServiceMethod[] {
  const invoke = async (request: InvokeBindingRequest, context: CallContext) => {
    try {
      const answer = await bindings.invoke({ ...request, trace: traceOf(context) }, context.signal);
      const { data, metadata = {} } = answer;
      sendMetadata(context, metadata);
      return {
        data: data === undefined ? noData : Buffer.from(data.buffer, data.byteOffset, data.byteLength),
        metadata,
      };
    } catch (error) {
      if (error instanceof InvokeBindingError) sendMetadata(context, error.metadata);
      throw error;
    }
  };
  return [unary(DaprDefinition.methods.invokeBinding, invoke, { name: 'bindings', version: 'v1' })];
}

function traceOf(context: CallContext) {
  const { baggage } = context.headers;
  return { ...callerTrace(context), baggage: typeof baggage === 'string' ? baggage : baggage?.join(',') };
}

/** As headers too, for an error has no other place for it. */
function sendMetadata(context: CallContext, metadata: Readonly<Record<string, string>>): void {
  const headers = Object.fromEntries(responseMetadata(metadata));
  if (Object.keys(headers).length > 0) context.sendHeaders(headers);
}
