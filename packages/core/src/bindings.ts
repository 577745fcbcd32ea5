import type { Subscription } from './pubsub.ts';
import type { RequestMetadata } from './state.ts';

export interface BindingRequest {
  /** One of the component's {@link Bindings.operations}. */
  readonly operation: string;
  readonly data: Uint8Array;
  readonly metadata: RequestMetadata;
}

export interface BindingResponse {
  readonly data?: Uint8Array;
  readonly contentType?: string;
  readonly metadata?: RequestMetadata;
}

export interface BindingEvent {
  readonly data: Uint8Array;
  readonly contentType?: string;
  readonly metadata: RequestMetadata;
}

/** Resolve = acknowledge, with what the app answered; reject = give back to the source where it can take it back. */
export type BindingEventHandler = (event: BindingEvent, signal: AbortSignal) => Promise<BindingResponse>;

/** A binding to an outside system. It is an output when it has `invoke`, an input when it has `read`, or both. */
export interface Bindings extends AsyncDisposable {
  /** What `invoke` can do: `create`, `get`, `delete`, `list`, …; empty for a pure input. */
  readonly operations: readonly string[];

  /** Rejects with `unsupported` for an operation that is not listed. */
  invoke?(request: BindingRequest, signal: AbortSignal): Promise<BindingResponse>;

  /** Resolves once events flow. The signal covers only this set-up; disposing what it hands back ends it. */
  read?(handler: BindingEventHandler, signal: AbortSignal): Promise<Subscription>;
}
