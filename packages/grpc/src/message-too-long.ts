import type { Logger } from '@outrigger/core';

import { GrpcError } from './service.ts';

/** A caller's message is over the limit. What it is told is what gRPC-Go says, which clients may compare. */
export class MessageTooLongError extends GrpcError {
  constructor(message: string) {
    super('RESOURCE_EXHAUSTED', message);
  }
}

/** Says what sets the limit, where that is known: the first time as a warning, then at debug level, lest callers fill the log. */
export function messageTooLongLog(
  logger: Logger,
  setting?: string,
): (path: string, error: MessageTooLongError) => void {
  let level: 'warn' | 'debug' = 'warn';
  return (path, { message }) => {
    logger[level](`${path} was refused: ${message}${setting === undefined ? '' : `; ${setting} sets the limit`}`);
    level = 'debug';
  };
}
