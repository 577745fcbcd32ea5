import type { BindingResponse, RequestMetadata } from '@outrigger/core';

export interface InvokeBinding {
  /** Name of the component. */
  readonly name: string;
  readonly operation: string;
  readonly data?: Uint8Array;
  readonly metadata?: RequestMetadata;
  /** The caller's W3C trace context; it goes into the metadata under these names and replaces what is there. */
  readonly trace?: BindingTrace;
}

/** As the caller sent it. Without a valid `traceparent` there is no trace, and `tracestate` says nothing. */
export interface BindingTrace {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  /** Where it came in several headers, they are joined with commas. */
  readonly baggage?: string | undefined;
}

/** Output bindings as the app sees them: the outbound policy applies, failures become ApiErrors. */
export interface OutputBindings {
  /**
   * Throws 500 `ERR_INVOKE_OUTPUT_BINDING` for an unknown name, an operation that the component does not have, and whatever goes
   * wrong in it ({@link InvokeBindingError} with what the outside system has said), 400 `ERR_MALFORMED_REQUEST` for baggage that
   * is none.
   */
  invoke(request: InvokeBinding, signal?: AbortSignal): Promise<BindingResponse>;
}
