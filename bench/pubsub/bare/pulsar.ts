import { WebSocket } from 'ws';
import type { BareClient } from './bare-client.ts';

/** Pulsar's WebSocket API. */
export async function connect(address: string): Promise<BareClient> {
  const base = `ws://${address}/ws/v2`;
  const opened = (url: string): Promise<WebSocket> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.once('open', () => resolve(socket)).once('error', reject);
    });
  const producers = new Map<string, Promise<(data: string) => Promise<void>>>();

  async function producer(topic: string): Promise<(data: string) => Promise<void>> {
    const socket = await opened(
      `${base}/producer/persistent/public/default/${topic}?batchingEnabled=true&batchingMaxPublishDelay=10`,
    );
    const waiting = new Map<string, () => void>();
    let next = 0;
    socket.on('message', (frame: Buffer) => {
      const { context, result } = JSON.parse(frame.toString()) as { context: string; result: string };
      if (result !== 'ok') throw new Error(`the broker answered ${result}`);
      waiting.get(context)?.();
      waiting.delete(context);
    });
    return (data) =>
      new Promise((resolve) => {
        const context = String(next++);
        waiting.set(context, resolve);
        socket.send(JSON.stringify({ payload: Buffer.from(data).toString('base64'), context }));
      });
  }

  const sender = (topic: string): Promise<(data: string) => Promise<void>> => {
    const known = producers.get(topic) ?? producer(topic);
    producers.set(topic, known);
    return known;
  };

  return {
    async publish(topic, data) {
      await (
        await sender(topic)
      )(data);
    },
    async publishMany(topic, data) {
      const send = await sender(topic);
      await Promise.all(data.map(send));
    },
    async subscribe(topic, handler) {
      const socket = await opened(
        `${base}/consumer/persistent/public/default/${topic}/bare?subscriptionType=Shared&receiverQueueSize=1000`,
      );
      socket.on('message', (frame: Buffer) => {
        const { messageId, payload } = JSON.parse(frame.toString()) as { messageId: string; payload: string };
        void handler(Buffer.from(payload, 'base64').toString()).then(() => socket.send(JSON.stringify({ messageId })));
      });
    },
  };
}
