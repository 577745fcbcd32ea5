// Publishes one message and prints it when it has come back. In a process of its own, as authorities are read at its start.
import { createPubSub } from './create.ts';

const never = new AbortController().signal;
const pubSub = await createPubSub(JSON.parse(process.argv[2] ?? '{}') as Record<string, string>);
const { promise, resolve } = Promise.withResolvers<string>();
const handler = async ({ data }: { data: Uint8Array }) => resolve(Buffer.from(data).toString());
await pubSub.subscribe({ topic: 'tls', metadata: {} }, handler, never);
await pubSub.publish({ topic: 'tls', data: Buffer.from('over tls'), metadata: {} }, never);
console.log(await promise);
await pubSub[Symbol.asyncDispose]();
