export {
  connectRedis,
  type RedisArgument,
  type RedisConnection,
  type RedisContext,
  type RedisReply,
} from './connection.ts';
export { isReplyError } from './failure.ts';
export { redisFields, type RedisMetadata } from './fields.ts';
export { type RedisScript, redisScript } from './script.ts';
export { type Channels, type Listener, RedisSubscriber, type SubscriberOptions } from './subscriber.ts';
