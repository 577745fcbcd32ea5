import { errorMessage, type Logger } from '@outrigger/core';
import { ApiError, internal, withoutSecrets } from '@outrigger/runtime';

import { ClientGone } from './exchange.ts';
import { replyJson } from './reply.ts';
import type { HttpExchange } from './route.ts';

/**
 * Answers a request whose handler threw. An ApiError is rendered; anything else is a fault of ours: logged, and answered
 * with 500 `ERR_INTERNAL` that says nothing of it. Where the answer has begun, all that is left is to break it off.
 */
export function replyError(
  exchange: HttpExchange,
  error: unknown,
  logger: Logger,
  hideSecrets?: (text: string) => string,
): void {
  const { request, response } = exchange;
  if (response.destroyed) return;
  const shown = error instanceof ApiError ? error : internal(error);
  if (shown !== error && !(error instanceof ClientGone)) {
    const stack = error instanceof Error ? error.stack : undefined;
    logger.error(`${request.method} ${exchange.path} failed: ${errorMessage(error)}`, { stack });
  } else if (logger.isEnabled('debug')) {
    const cause = shown.cause === undefined ? undefined : errorMessage(shown.cause);
    logger.debug(`api call returned error: ${shown.message}`, { errorCode: shown.errorCode, cause });
  }
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { errorCode, message, details, httpStatus } =
    hideSecrets === undefined ? shown : withoutSecrets(shown, hideSecrets);
  replyJson(exchange, httpStatus, { errorCode, message, details });
}
