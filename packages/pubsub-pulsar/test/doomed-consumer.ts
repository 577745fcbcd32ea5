// Receives one message, says so, and never handles it: a consumer to be killed at work.
import { createPubSub } from './create.ts';

const [host = '', consumerID = '', topic = '', subscribeType = ''] = process.argv.slice(2);
// from the beginning, as messages may have been published before it is there
const pubSub = await createPubSub({ host, consumerID, subscribeType, subscribeInitialPosition: 'earliest' });
const work = () => {
  process.stdout.write('received\n');
  return new Promise<never>(() => {});
};
await pubSub.subscribe({ topic, metadata: {} }, work, new AbortController().signal);
