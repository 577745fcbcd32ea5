import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { BareClient } from './bare-client.ts';

const group = 'bench';

export async function connect(address: string): Promise<BareClient> {
  const [host = '127.0.0.1', port = '6379'] = address.split(':');
  const open = () => new Redis({ host, port: Number(port) });
  const writer = open();
  await writer.ping();
  const add = (topic: string, data: string) => writer.xadd(topic, '*', 'data', data);

  return {
    async publish(topic, data) {
      await add(topic, data);
    },
    async publishMany(topic, data) {
      await Promise.all(data.map((one) => add(topic, one)));
    },
    async subscribe(topic, handler) {
      await writer.xgroup('CREATE', topic, group, '0', 'MKSTREAM').catch((error: Error) => {
        if (!error.message.startsWith('BUSYGROUP')) throw error;
      });
      const reader = open();
      const consumer = randomUUID();
      const read = async (): Promise<never> => {
        for (;;) {
          const reply = (await reader.xreadgroup(
            'GROUP',
            group,
            consumer,
            'COUNT',
            100,
            'BLOCK',
            2000,
            'STREAMS',
            topic,
            '>',
          )) as [string, [string, string[]][]][] | null;
          for (const [, entries] of reply ?? []) {
            await Promise.all(
              entries.map(async ([id, [, data = '']]) => {
                await handler(data);
                await writer.xack(topic, group, id);
              }),
            );
          }
        }
      };
      void read();
    },
  };
}
