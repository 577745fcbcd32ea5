import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '@outrigger/core';
import { describe, expect, it, vi } from 'vitest';
import { createPubSub, credentials, never, region, unique } from './create.ts';
import { hasMotoServer, MotoServer } from './moto-server.ts';

const frozenMs = 20_000;

// freezes a server of its own
describe.skipIf(!hasMotoServer)('pubsub.aws.snssqs while its server does not answer', () => {
  it(
    'loses nothing that was published, and says once that it is away and once that it is back',
    { timeout: 180_000 },
    async () => {
      await using server = await MotoServer.start();
      const lines: string[] = [];
      const note = (level: string) => (line: string) => void lines.push(`${level}: ${line}`);
      const logger = { ...silentLogger, info: note('info'), warn: note('warn'), error: note('error') };
      const options = { endpoint: server.endpoint, region, ...credentials, messageVisibilityTimeout: '5' };
      await using publisher = await createPubSub({ ...options, consumerID: unique('publisher') });
      await using consumer = await createPubSub({ ...options, consumerID: unique('consumer') }, { logger });
      const topic = unique('frozen');
      const handled = new Map<string, number>();
      await using _ = await consumer.subscribe(
        { topic, metadata: {} },
        async ({ data }) => {
          await delay(5);
          const text = Buffer.from(data).toString();
          handled.set(text, (handled.get(text) ?? 0) + 1);
        },
        never,
      );

      const confirmed: string[] = [];
      let publishing = true;
      const lanes = Array.from({ length: 4 }, async (_, lane) => {
        for (let index = 0; publishing; index++) {
          const text = `${lane}-${index}`;
          await publisher.publish({ topic, data: Buffer.from(text), metadata: {} }, never).then(
            () => confirmed.push(text),
            () => {},
          );
        }
      });
      const more = async (count: number) => {
        const target = confirmed.length + count;
        await vi.waitUntil(() => confirmed.length >= target, { timeout: 60_000, interval: 10 });
      };
      await more(100);
      server.freeze();
      await delay(frozenMs);
      server.thaw();
      await more(100);
      publishing = false;
      await Promise.all(lanes);
      await vi.waitFor(() => expect(confirmed.filter((text) => !handled.has(text))).toEqual([]), {
        timeout: 60_000,
        interval: 50,
      });
      expect(lines.filter((line) => line.startsWith('error'))).toEqual([]);
      const told = lines.filter((line) => /trying again|works again/.test(line));
      expect(told.length).toBeLessThanOrEqual(2);
    },
  );
});
