// A consumer that says so when it has been handed a message, and then never finishes it. Started and killed by the tests.
import { createPubSub } from './create.ts';

const [hostname = '', consumerID = '', topic = '', metadata = '{}'] = process.argv.slice(2);
const pubSub = await createPubSub({ hostname, consumerID, prefetchCount: '3' });
const handler = () => {
  process.stdout.write('handling\n');
  return new Promise<void>(() => {});
};
await pubSub.subscribe(
  { topic, metadata: JSON.parse(metadata) as Record<string, string> },
  handler,
  new AbortController().signal,
);
