// A consumer that says so when it has been handed a message, and then never finishes it. Started and killed by the tests.
import { createPubSub } from './create.ts';

const [brokers = '', consumerGroup = '', topic = ''] = process.argv.slice(2);
const quick = { sessionTimeout: '2s', heartbeatInterval: '500ms', initialOffset: 'oldest' };
const pubSub = await createPubSub({ brokers, consumerGroup, ...quick });
const handler = () => {
  process.stdout.write('handling\n');
  return new Promise<void>(() => {});
};
await pubSub.subscribe({ topic, metadata: {} }, handler, new AbortController().signal);
