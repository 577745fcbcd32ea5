const brand: unique symbol = Symbol.for('outrigger.ComponentError') as never;

/**
 * The closed list of reasons a component may fail with. It grows by ADR only.
 *
 * - `invalid-argument`: the request can never succeed as it is (a bad key, an etag that cannot be parsed, bad metadata).
 * - `not-found`: something the request names and needs is not there. Plain absence of a value is `undefined`, not an error.
 * - `etag-mismatch`: compare-and-set lost; the stored item is not the one the caller has seen.
 * - `unsupported`: this component, or the server behind it, cannot do this at all.
 * - `unavailable`: the backend cannot be reached or refuses to serve for now.
 * - `deadline-exceeded`: the backend did not answer in time; whether it did the work is unknown.
 * - `internal`: anything else; a fault of the component or an answer it cannot understand.
 */
export type ErrorCode =
  | 'invalid-argument'
  | 'not-found'
  | 'etag-mismatch'
  | 'unsupported'
  | 'unavailable'
  | 'deadline-exceeded'
  | 'internal';

const retryableCodes: ReadonlySet<ErrorCode> = new Set(['unavailable', 'deadline-exceeded', 'internal']);

/**
 * The one class that components throw. The message is shown to the caller of the API, so it says what is wrong and, where
 * it can, how to mend it, and never holds a secret. The `cause` is logged and never leaves the process.
 */
export class ComponentError extends Error {
  readonly [brand] = true;
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ComponentError';
    this.code = code;
  }

  /** Whether the same request may succeed when it is sent again; derived from the code, never set by a component. */
  get retryable(): boolean {
    return retryableCodes.has(this.code);
  }

  /** Recognises errors of this class by brand, so that two copies of this package still meet. */
  static is(error: unknown): error is ComponentError {
    return typeof error === 'object' && error !== null && brand in error;
  }

  /**
   * Turns anything thrown into a ComponentError. One that is already of this class comes back as it is; the rest gets `code`,
   * the original message and the original error as its cause.
   */
  static from(error: unknown, code: ErrorCode = 'internal'): ComponentError {
    if (ComponentError.is(error)) return error;
    return new ComponentError(code, errorMessage(error), { cause: error });
  }
}

/** The message of anything thrown, also of an AggregateError whose own message is empty (as a refused connection gives). */
export function errorMessage(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(errorMessage).join('; ');
  return error instanceof Error ? error.message : String(error);
}
