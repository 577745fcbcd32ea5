import { join } from 'node:path';

import type { sendUnaryData, ServerDuplexStream, ServerUnaryCall } from '@grpc/grpc-js';
import { DropMessage } from '@outrigger/core';
import { PubSubDefinition, type PullMessagesRequest, type PullMessagesResponse } from '@outrigger/protocol/components';
import { expect, it, vi } from 'vitest';

import { socketsFolder, stockComponent } from '../../test/stock-component.ts';
import { useSocket } from '../../test/use-socket.ts';

const never = new AbortController().signal;
type Stream = ServerDuplexStream<PullMessagesRequest, PullMessagesResponse>;

/** A broker that sends these messages at once, whatever is acknowledged, and has neither a pause nor an order of its own. */
async function brokerOf(texts: readonly string[]) {
  const folder = socketsFolder();
  const received: PullMessagesRequest[] = [];
  const streams: Stream[] = [];
  const answer = (message: unknown) => (_: ServerUnaryCall<unknown, unknown>, send: sendUnaryData<unknown>) =>
    send(null, message);
  const pullMessages = (stream: Stream) => {
    streams.push(stream);
    stream.on('error', () => {});
    stream.on('end', () => stream.end());
    stream.on('data', (request: PullMessagesRequest) => {
      received.push(request);
      if (request.topic === undefined) return;
      for (const [index, text] of texts.entries()) {
        const common = { topicName: '', metadata: {}, contentType: '' };
        stream.write({ ...common, data: Buffer.from(text), id: `m${index}` });
      }
    });
  };
  const implementation = { init: answer({}), features: answer({ features: ['MESSAGE_TTL'] }), pullMessages };
  await stockComponent(join(folder, 'theirs.sock'), [[PubSubDefinition, implementation]]);
  return { pubsub: await useSocket(folder, 'pubsub', 'theirs'), received, streams };
}

it('handles one message after the other where the component does not say that it waits for acknowledgements', async () => {
  const { pubsub, received } = await brokerOf(['a', 'bad', 'c', 'dropped']);
  expect(pubsub.features).toEqual(['message-ttl']);
  const events: string[] = [];
  const handler = async ({ topic, data }: { readonly topic: string; readonly data: Uint8Array }) => {
    const text = Buffer.from(data).toString();
    events.push(`${topic} ${text}`);
    await new Promise((resolve) => setImmediate(resolve));
    events.push('done');
    if (text === 'bad') throw new Error('not today');
    if (text === 'dropped') throw new DropMessage('never');
  };
  await using _ = await pubsub.subscribe({ topic: 'orders', metadata: { raw: 'true' } }, handler, never);
  await vi.waitFor(() => expect(received).toHaveLength(5));
  expect(events).toEqual(['orders a', 'done', 'orders bad', 'done', 'orders c', 'done', 'orders dropped', 'done']);
  const [first, ...acknowledgements] = received;
  expect(first?.topic).toEqual({ name: 'orders', metadata: { raw: 'true' } });
  expect(acknowledgements.map(({ ackMessageId, ackError }) => [ackMessageId, ackError?.message])).toEqual([
    ['m0', undefined],
    ['m1', 'not today'],
    ['m2', undefined],
    ['m3', undefined],
  ]);
  await pubsub[Symbol.asyncDispose]();
});

it('opens a stream anew that the component has ended', async () => {
  const { pubsub, received, streams } = await brokerOf([]);
  const subscription = await pubsub.subscribe({ topic: 'orders', metadata: {} }, async () => {}, never);
  await vi.waitFor(() => expect(streams).toHaveLength(1));
  streams[0]?.end();
  await vi.waitFor(() => expect(received.filter(({ topic }) => topic?.name === 'orders')).toHaveLength(2));
  await subscription[Symbol.asyncDispose]();
  await pubsub[Symbol.asyncDispose]();
});

it('holds messages back while it is paused, also from a component that cannot pause', async () => {
  const { pubsub, received } = await brokerOf(['a', 'b', 'c']);
  const handled: string[] = [];
  const first = Promise.withResolvers<void>();
  const handler = async ({ data }: { readonly data: Uint8Array }) => {
    handled.push(Buffer.from(data).toString());
    await first.promise;
  };
  const subscription = await pubsub.subscribe({ topic: 'orders', metadata: {} }, handler, never);
  await vi.waitFor(() => expect(handled).toEqual(['a']));
  await subscription.pause();
  first.resolve();
  await vi.waitFor(() => expect(received).toHaveLength(2));
  expect(handled).toEqual(['a']);
  await subscription.resume();
  await vi.waitFor(() => expect(handled).toEqual(['a', 'b', 'c']));
  await subscription[Symbol.asyncDispose]();
  await pubsub[Symbol.asyncDispose]();
});
