import { BindingError, errorMessage, type RequestMetadata } from '@outrigger/core';

import { ApiError, malformedRequest } from '../errors.ts';

// Dapr's codes, statuses and texts: pkg/messages and pkg/runtime/processor/binding of 1.18.

/** An output binding could not do its work. */
export class InvokeBindingError extends ApiError {
  /** What the outside system has said besides; reaches the caller as response metadata does. Empty when there was no answer. */
  readonly metadata: RequestMetadata;

  constructor(name: string, cause: unknown) {
    super(`error invoking output binding ${name}: ${errorMessage(cause)}`, {
      errorCode: 'ERR_INVOKE_OUTPUT_BINDING',
      httpStatus: 500,
      grpcStatus: 'INTERNAL',
      cause,
    });
    this.metadata = BindingError.is(cause) ? cause.metadata : {};
  }
}

export function noSuchBinding(name: string): InvokeBindingError {
  return new InvokeBindingError(name, `couldn't find output binding ${name}`);
}

export function noOperation(name: string): InvokeBindingError {
  return new InvokeBindingError(name, 'operation field is missing from request');
}

export function unknownOperation(name: string, operation: string, supported: readonly string[]): InvokeBindingError {
  const message = `binding ${name} does not support operation ${operation}. supported operations:${supported.join(' ')}`;
  return new InvokeBindingError(name, message);
}

export function invalidBaggage(reason: string): ApiError {
  return malformedRequest(`invalid baggage header: ${reason}`);
}
