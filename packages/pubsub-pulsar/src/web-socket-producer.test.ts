import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { WebSocketLink } from './web-socket-link.ts';
import { WebSocketProducer } from './web-socket-producer.ts';

it('who gives up while it waits for room leaves its turn to the next', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const contexts: string[] = [];
  let socket: WebSocket | undefined;
  server.on('connection', (connected) => {
    socket = connected;
    connected.on('message', (data) => {
      contexts.push((JSON.parse((data as Buffer).toString()) as { context: string }).context);
    });
  });
  const confirm = (context: string | undefined) => socket?.send(JSON.stringify({ result: 'ok', context }));
  const address = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const authorization = () => Promise.resolve(undefined);
  const producer = new WebSocketProducer((signal) => WebSocketLink.open('/', { address, authorization }, signal), 1);
  const message = { data: Buffer.from('x'), properties: {} };
  const never = new AbortController().signal;
  const impatient = new AbortController();
  try {
    const first = producer.send(message, never);
    await expect.poll(() => contexts).toHaveLength(1);
    const second = producer.send(message, impatient.signal);
    const third = producer.send(message, never);
    impatient.abort(new Error('gave up'));
    await expect(second).rejects.toThrow('gave up');
    confirm(contexts[0]);
    await first;
    await expect.poll(() => contexts).toHaveLength(2);
    confirm(contexts[1]);
    await third;
  } finally {
    await producer.close();
    server.close();
  }
});
