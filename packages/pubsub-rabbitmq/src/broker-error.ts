import { ComponentError, errorMessage } from '@outrigger/core';

/** The AMQP reply code of an error that the broker gave; undefined: the error is not the broker's answer. */
export function replyCode(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number'
    ? error.code
    : undefined;
}

const fieldOfArgument: Readonly<Record<string, string>> = {
  type: 'exchangeKind',
  durable: 'durable',
  auto_delete: 'deletedWhenUnused',
  'auto-delete': 'deletedWhenUnused',
  'x-queue-type': 'queueType',
  'x-max-priority': 'maxPriority',
  'x-max-length': 'maxLen',
  'x-max-length-bytes': 'maxLenBytes',
  'x-dead-letter-exchange': 'enableDeadLetter',
  'x-single-active-consumer': 'singleActiveConsumer',
  'x-delayed-type': 'delayedExchangeKind',
};

/** The argument in which a declaration differs from what exists. */
export function differingArgument(error: unknown): string | undefined {
  return /inequivalent arg '([^']+)'/.exec(errorMessage(error))?.[1];
}

/** What a failed declaration of `what` (`queue "x"`) means to who configured it. */
export function declarationError(error: unknown, what: string): ComponentError {
  const message = errorMessage(error).replace(/^.*?with message /, '');
  switch (replyCode(error)) {
    case 406: {
      const argument = differingArgument(error);
      if (argument === undefined) {
        const [, refused] = /invalid (?:arg|property) '([^']+)'/.exec(message) ?? [];
        return invalid(`the broker refuses ${what}: ${message}${hint(refused, 'check')}`, error);
      }
      return invalid(
        `${what} exists already with other properties: ${message}${hint(argument, 'make it fit, or delete what exists:')}`,
        error,
      );
    }
    case 403:
      return invalid(`the user has no right to declare or read ${what}: ${message}; check its permissions`, error);
    case 404:
      return new ComponentError('not-found', `${what}: ${message}`, { cause: error });
    case 405:
      return invalid(`${what} is used by another connection alone: ${message}`, error);
    case 503:
      return new ComponentError(
        'unsupported',
        `the broker cannot make ${what}: ${message}; check exchangeKind, or install the plugin`,
        {
          cause: error,
        },
      );
    case undefined:
      return ComponentError.from(error, 'unavailable');
    default:
      return new ComponentError('unavailable', `${what}: ${message}`, { cause: error });
  }
}

function hint(argument: string | undefined, verb: string): string {
  const field = argument === undefined ? undefined : fieldOfArgument[argument];
  return field === undefined ? '' : `; ${verb} ${field}`;
}

function invalid(message: string, cause: unknown): ComponentError {
  return new ComponentError('invalid-argument', message, { cause });
}
