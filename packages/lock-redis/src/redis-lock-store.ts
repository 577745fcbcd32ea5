import { ComponentError, type LockStore, type UnlockOutcome } from '@outrigger/core';
import { type RedisConnection, redisScript } from '@outrigger/redis-client';

// -1: nobody holds it, -2: somebody else does, as Dapr's script has it
const unlockScript = redisScript(`
local owner = redis.call('GET', KEYS[1])
if not owner then return -1 end
if owner ~= ARGV[1] then return -2 end
return redis.call('DEL', KEYS[1])
`);

/** Keeps each lock as a text, its owner, under a key that expires. Every call is one round trip. */
export class RedisLockStore implements LockStore {
  readonly #connection: RedisConnection;

  /** Takes the connection over: disposing the store closes it. */
  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async tryLock(
    request: { readonly resourceId: string; readonly owner: string; readonly expiryInSeconds: number },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { resourceId, owner, expiryInSeconds } = request;
    return (await this.#connection.send('SET', [resourceId, owner, 'NX', 'EX', expiryInSeconds], signal)) !== null;
  }

  async unlock(
    { resourceId, owner }: { readonly resourceId: string; readonly owner: string },
    signal: AbortSignal,
  ): Promise<UnlockOutcome> {
    switch (await this.#connection.run(unlockScript, [resourceId], [owner], signal)) {
      case -1:
        return 'missing';
      case -2:
        return 'other-owner';
      default:
        return 'unlocked';
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }
}

/**
 * Throws where a lock could be held twice: replication does not wait, so that a copy that takes over may not know of it. A
 * server that does not tell of its replicas is taken for one that has none.
 */
export async function refuseReplicas(connection: RedisConnection, signal: AbortSignal): Promise<void> {
  let replication: string;
  try {
    replication = String(await connection.send('INFO', ['replication'], signal));
  } catch (error) {
    if (ComponentError.is(error) && (error.code === 'unsupported' || error.code === 'internal')) return;
    throw error;
  }
  const replicas = Number(/^connected_slaves:(\d+)/m.exec(replication)?.[1] ?? 0);
  if (replicas === 0) return;
  throw new ComponentError(
    'unsupported',
    `Redis at ${connection.address} has ${replicas} replica${replicas > 1 ? 's' : ''}, which may not know of a lock when one takes over: ` +
      'take a server without replicas, or one behind sentinels (failover)',
  );
}
