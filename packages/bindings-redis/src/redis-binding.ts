import {
  type BindingRequest,
  type BindingResponse,
  type Bindings,
  ComponentError,
  type RequestMetadata,
} from '@outrigger/core';
import { type RedisConnection, redisScript } from '@outrigger/redis-client';

/** Counts and sets the end of the key in one step, lest a counter lives for ever because the second one did not come through. */
const incrementWithTtl = redisScript(`
local count = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[1])
return count
`);

/** An output over the keys of a server, which are used as they are given. */
export class RedisBinding implements Bindings {
  readonly operations = ['create', 'delete', 'get', 'increment'];
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async invoke({ operation, data, metadata }: BindingRequest, signal: AbortSignal): Promise<BindingResponse> {
    const { key } = metadata;
    if (!key) throw new ComponentError('invalid-argument', 'redis binding: missing key in request metadata');
    switch (operation) {
      case 'create': {
        const ttl = ttlOf(metadata);
        await this.#connection.send('SET', ttl === undefined ? [key, data] : [key, data, 'EX', ttl], signal);
        return {};
      }
      case 'get': {
        const command = metadata['delete'] === 'true' ? 'GETDEL' : 'GET';
        const value = await this.#connection.send(command, [key], signal);
        return Buffer.isBuffer(value) ? { data: value } : {};
      }
      case 'delete':
        await this.#connection.send('DEL', [key], signal);
        return {};
      case 'increment': {
        const ttl = ttlOf(metadata);
        if (ttl === undefined) await this.#connection.send('INCR', [key], signal);
        else await this.#connection.run(incrementWithTtl, [key], [ttl], signal);
        return {};
      }
      default:
        throw new ComponentError('unsupported', `invalid operation type: ${operation}`);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connection[Symbol.asyncDispose]();
  }
}

/** In seconds; `undefined`: for ever. */
function ttlOf({ ttlInSeconds }: RequestMetadata): number | undefined {
  if (ttlInSeconds === undefined || ttlInSeconds === '') return undefined;
  const seconds = /^\d+$/.test(ttlInSeconds) ? Number(ttlInSeconds) : 0;
  if (Number.isSafeInteger(seconds) && seconds > 0) return seconds;
  throw new ComponentError('invalid-argument', 'ttlInSeconds must be a whole number above 0');
}
