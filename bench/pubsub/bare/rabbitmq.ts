import { connect as connectAmqp } from 'amqplib';
import type { BareClient } from './bare-client.ts';

export async function connect(address: string): Promise<BareClient> {
  const connection = await connectAmqp(`amqp://guest:guest@${address}`);
  const writer = await connection.createConfirmChannel();
  const publish = (topic: string, data: string): Promise<void> =>
    new Promise((resolve, reject) => {
      writer.publish(topic, '', Buffer.from(data), { persistent: true }, (error: unknown) =>
        error ? reject(error instanceof Error ? error : new Error('the broker refused the message')) : resolve(),
      );
    });

  return {
    publish,
    async publishMany(topic, data) {
      await Promise.all(data.map((one) => publish(topic, one)));
    },
    async subscribe(topic, handler) {
      const channel = await connection.createChannel();
      await channel.assertExchange(topic, 'fanout', { durable: true });
      const { queue } = await channel.assertQueue(`bare-${topic}`, { durable: true });
      await channel.bindQueue(queue, topic, '');
      await channel.prefetch(100);
      await channel.consume(queue, (message) => {
        if (message) void handler(message.content.toString()).then(() => channel.ack(message));
      });
    },
  };
}
