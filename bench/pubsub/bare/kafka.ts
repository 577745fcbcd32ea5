import { Admin, Consumer, ProduceAcks, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
import type { BareClient } from './bare-client.ts';

export async function connect(address: string): Promise<BareClient> {
  const settings = { clientId: 'bench', bootstrapBrokers: [address] };
  const producer = new Producer({ ...settings, serializers: stringSerializers });
  const admin = new Admin(settings);
  const send = (topic: string, data: readonly string[]) =>
    producer.send({ messages: data.map((value) => ({ topic, value })), acks: ProduceAcks.ALL });

  return {
    async publish(topic, data) {
      await send(topic, [data]);
    },
    async publishMany(topic, data) {
      await send(topic, data);
    },
    async subscribe(topic, handler) {
      await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 });
      const consumer = new Consumer({ ...settings, groupId: `bare-${topic}`, deserializers: stringDeserializers });
      // notes every 100 ms how far the handler has come
      const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: 100, maxWaitTime: 100 });
      const read = async (): Promise<void> => {
        for await (const { value } of stream) await handler(value);
      };
      void read();
    },
  };
}
