// A consumer in a process of its own that says so when it handles a message. Its parent kills it.
import { createPubSub, credentials, never, region } from './create.ts';

const [endpoint = '', consumerID = '', topic = ''] = process.argv.slice(2);
const pubSub = await createPubSub({ endpoint, region, ...credentials, consumerID, messageVisibilityTimeout: '4' });
await pubSub.subscribe(
  { topic, metadata: {} },
  () => {
    process.stdout.write('received\n');
    return new Promise(() => {});
  },
  never,
);
