// A consumer in a process of its own: says on stdout what it is handed. With `stuck` it never finishes a message.
import { createPubSub } from './create.ts';

const [connectionString = '', consumerID = '', topic = '', mode = ''] = process.argv.slice(2);
const pubSub = await createPubSub({ connectionString, consumerID, queueDepth: '5', concurrency: '2' });
const handler = async ({ data }: { data: Uint8Array }) => {
  process.stdout.write(`${Buffer.from(data).toString()}\n`);
  if (mode === 'stuck') await new Promise<void>(() => {});
};
await pubSub.subscribe({ topic, metadata: {} }, handler, new AbortController().signal);
process.stdout.write('ready\n');
process.once('SIGTERM', () => void pubSub[Symbol.asyncDispose]());
