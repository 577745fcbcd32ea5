import type { BindingResponse, RequestMetadata } from '@outrigger/core';

export interface InvokeBinding {
  /** Name of the component. */
  readonly name: string;
  readonly operation: string;
  readonly data?: Uint8Array;
  readonly metadata?: RequestMetadata;
}

/** Output bindings as the app sees them: the outbound policy applies, failures become ApiErrors. */
export interface OutputBindings {
  invoke(request: InvokeBinding, signal?: AbortSignal): Promise<BindingResponse>;
}
