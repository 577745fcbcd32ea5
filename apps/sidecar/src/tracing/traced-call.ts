import type { CallContext } from '@outrigger/grpc';
import type { HeaderMap, PeerIdentity, TraceContext } from '@outrigger/runtime';

import { traceBin } from '../grpc/trace-bin.ts';

/** A call with the context of its span in place of its caller's, so that whatever is done for it belongs to the span. */
export class TracedCall implements CallContext {
  readonly #call: CallContext;
  readonly #trace: TraceContext;

  constructor(call: CallContext, trace: TraceContext) {
    this.#call = call;
    this.#trace = trace;
  }

  metadata(name: string): string | undefined {
    if (name === 'traceparent') return this.#trace.traceparent;
    if (name === 'tracestate') return this.#trace.tracestate || undefined;
    // its other form counts first, and has no state
    if (name === 'grpc-trace-bin') return undefined;
    return this.#call.metadata(name);
  }

  get headers(): HeaderMap {
    const { tracestate: _, 'grpc-trace-bin': __, ...headers } = this.#call.headers;
    const { traceparent, tracestate } = this.#trace;
    const binary = traceBin(traceparent);
    return {
      ...headers,
      traceparent,
      ...(tracestate !== '' && { tracestate }),
      ...(binary !== undefined && { 'grpc-trace-bin': binary }),
    };
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  get deadline(): number | undefined {
    return this.#call.deadline;
  }

  get peer(): PeerIdentity | undefined {
    return this.#call.peer;
  }

  sendHeaders(headers: HeaderMap): void {
    this.#call.sendHeaders(headers);
  }

  addTrailers(trailers: HeaderMap): void {
    this.#call.addTrailers(trailers);
  }
}
