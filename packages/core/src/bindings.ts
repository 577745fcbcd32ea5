import { ComponentError, type ErrorCode } from './errors.ts';
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

const brand: unique symbol = Symbol.for('outrigger.BindingError') as never;

/** What `invoke` rejects with when the outside system's answer is an error that has metadata, such as a status and headers. */
export class BindingError extends ComponentError {
  readonly [brand] = true;
  /** Reaches the caller beside the message. */
  readonly metadata: RequestMetadata;

  constructor(code: ErrorCode, message: string, metadata: RequestMetadata, options?: ErrorOptions) {
    super(code, message, options);
    this.name = 'BindingError';
    this.metadata = metadata;
  }

  /** Recognises errors of this class by brand, so that two copies of this package still meet. */
  static override is(error: unknown): error is BindingError {
    return typeof error === 'object' && error !== null && brand in error;
  }
}

/** Resolve = acknowledge, with what the app answered; reject = give back to the source where it can take it back. */
export type BindingEventHandler = (event: BindingEvent, signal: AbortSignal) => Promise<BindingResponse>;

/** A binding to an outside system. It is an output when it has `invoke`, an input when it has `read`, or both. */
export interface Bindings extends AsyncDisposable {
  /** What `invoke` can do: `create`, `get`, `delete`, `list`, …; empty for a pure input. */
  readonly operations: readonly string[];

  /** Rejects with `unsupported` for an operation that is not listed, with {@link BindingError} where there is more to tell. */
  invoke?(request: BindingRequest, signal: AbortSignal): Promise<BindingResponse>;

  /** Resolves once events flow. The signal covers only this set-up; disposing what it hands back ends it. */
  read?(handler: BindingEventHandler, signal: AbortSignal): Promise<Subscription>;
}
