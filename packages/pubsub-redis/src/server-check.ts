import { ComponentError } from '@outrigger/core';
import { isReplyError, type RedisConnection } from '@outrigger/redis-client';

/** Rejects with `unsupported` when the server is too old for subscriptions. Asks for the command rather than the version, as Valkey and others count theirs differently. */
export async function refuseOldServer(connection: RedisConnection, signal: AbortSignal): Promise<void> {
  let reply;
  try {
    reply = await connection.send('COMMAND', ['INFO', 'XAUTOCLAIM'], signal);
  } catch (error) {
    if (isReplyError(error)) return; // may not be asked: then the first subscription shows it
    throw error;
  }
  if (!Array.isArray(reply) || reply.length === 0 || reply[0] !== null) return;
  throw new ComponentError(
    'unsupported',
    `Redis at ${connection.address} does not know XAUTOCLAIM, which pubsub.redis needs: it must be Redis 6.2 or later, or Valkey`,
  );
}
