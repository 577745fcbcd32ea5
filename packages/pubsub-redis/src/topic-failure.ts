import { ComponentError } from '@outrigger/core';
import { isReplyError } from '@outrigger/redis-client';

/** The error of a command on a topic, with what the user can do about it where the server's own words do not say. */
export function topicFailure(error: unknown, topic: string): unknown {
  if (!ComponentError.is(error)) return error;
  if (isReplyError(error, 'WRONGTYPE')) {
    const message = `Redis holds something other than a stream under the key "${topic}": use another topic, or another redisDB`;
    return new ComponentError('invalid-argument', message, { cause: error });
  }
  if (isReplyError(error, 'NOPERM')) {
    const message = `the user in redisUsername may not do what topic "${topic}" needs (${error.message}); grant it with ACL SETUSER: the key "~${topic}", and "+xadd" to publish, "+@stream +client|id +client|unblock" to subscribe`;
    return new ComponentError('unsupported', message, { cause: error });
  }
  return error;
}
