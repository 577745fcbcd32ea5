import { Redis } from 'ioredis';

import type { BareStore } from './bare-store.ts';

export async function connect(address: string): Promise<BareStore> {
  const [host = '127.0.0.1', port = '6379'] = address.split(':');
  const redis = new Redis({ host, port: Number(port) });
  await redis.ping();
  return {
    async get(key) {
      return (await redis.getBuffer(key)) ?? undefined;
    },
    async set(key, value) {
      await redis.set(key, Buffer.from(value));
    },
  };
}
