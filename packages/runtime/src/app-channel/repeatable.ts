import type { AppRequest } from './app-channel.ts';
import { isReplayable } from './replayable-body.ts';

/** Sending these twice does no harm (RFC 9110, 9.2.2). */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Whether a request of which nobody knows whether it has arrived may be sent again: its verb allows it, and its body is still there. */
export function isRepeatable({ verb, body }: Pick<AppRequest, 'verb' | 'body'>): boolean {
  return idempotent.has(verb) && isReplayable(body);
}
