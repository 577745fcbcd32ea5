// Publishes numbers to a topic, 50 at a time, and says on stdout which are confirmed.
import { createPubSub } from './create.ts';

const [connectionString = '', topic = ''] = process.argv.slice(2);
const pubSub = await createPubSub({ connectionString, consumerID: 'publisher' });
for (let index = 0; ; index += 50) {
  const texts = Array.from({ length: 50 }, (_, offset) => String(index + offset));
  const publish = async (text: string) => {
    await pubSub.publish({ topic, data: Buffer.from(text), metadata: {} }, new AbortController().signal);
    process.stdout.write(`${text}\n`);
  };
  await Promise.all(texts.map(publish));
}
