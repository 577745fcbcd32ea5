import { requireBackend } from '@outrigger/conformance';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Listener, RedisConnection, RedisSubscriber } from '../src/index.ts';
import { TestServer } from '../src/test-server.ts';
import { backend, connect, howToStart } from './connect.ts';

const { signal } = new AbortController();

/** What a listener was told, in its order. */
class Heard implements Listener {
  readonly messages: string[] = [];
  returns = 0;

  onMessage(channel: string, message: string): void {
    this.messages.push(`${channel}: ${message}`);
  }

  onReturn(): void {
    this.returns++;
  }
}

requireBackend(backend, howToStart, () => {
  describe('listening to Redis', () => {
    let server: TestServer;
    let connection: RedisConnection;
    let subscriber: RedisSubscriber;
    const publish = (channel: string, message: string) => connection.send('PUBLISH', [channel, message]);

    beforeAll(async () => {
      server = await TestServer.start();
      connection = await connect({ redisHost: server.host, readTimeout: '500ms' });
      subscriber = await connection.subscriber(signal);
    });
    afterAll(async () => {
      await subscriber[Symbol.asyncDispose]();
      await connection[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    });

    it('tells each listener of its own channels and patterns, in order', async () => {
      const [one, two] = [new Heard(), new Heard()];
      await using _one = await subscriber.listen({ channels: ['a', 'b'] }, one);
      await using _two = await subscriber.listen({ channels: ['b'], patterns: ['x.*'] }, two);
      for (const channel of ['a', 'b', 'x.1', 'a', 'y']) await publish(channel, `to ${channel}`);
      await vi.waitFor(() => expect([...one.messages, ...two.messages]).toHaveLength(5));
      expect(one.messages).toEqual(['a: to a', 'b: to b', 'a: to a']);
      expect(two.messages).toEqual(['b: to b', 'x.1: to x.1']);
    });

    it('listens at the server only while somebody does', async () => {
      const heard = [new Heard(), new Heard()] as const;
      const first = await subscriber.listen({ channels: ['shared'] }, heard[0]);
      const second = await subscriber.listen({ channels: ['shared'] }, heard[1]);
      await first[Symbol.asyncDispose]();
      expect(await publish('shared', '1')).toBe(1);
      await vi.waitFor(() => expect(heard[1].messages).toHaveLength(1));
      await second[Symbol.asyncDispose]();
      expect(await publish('shared', '2')).toBe(0);
      expect(heard.map(({ messages }) => messages)).toEqual([[], ['shared: 1']]);
    });

    it('listens again by itself after a lost connection, and says that something may be missed', async () => {
      const [gone, heard] = [new Heard(), new Heard()];
      await using _ = await subscriber.listen({ channels: ['news'], patterns: ['more.*'] }, heard);
      const leaving = await subscriber.listen({ channels: ['gone'] }, gone);
      await server.kill();
      await leaving[Symbol.asyncDispose]();
      await vi.waitFor(() =>
        expect(subscriber.listen({ channels: ['late'] }, new Heard())).rejects.toMatchObject({ code: 'unavailable' }),
      );
      await server.restart();
      await vi.waitFor(() => expect(heard.returns).toBe(1), { timeout: 60_000 });
      await connection.ready(signal);
      expect(await publish('gone', 'x')).toBe(0);
      expect(await publish('late', 'x')).toBe(0);
      await publish('news', 'again');
      await publish('more.1', 'too');
      await vi.waitFor(() => expect(heard.messages).toEqual(['news: again', 'more.1: too']));
      expect(gone).toMatchObject({ messages: [], returns: 0 });
    });

    it('notices that a server has fallen silent', async () => {
      await using attentive = await connection.subscriber(signal, { heartbeat: 50 });
      const heard = new Heard();
      await using _ = await attentive.listen({ channels: ['news'] }, heard);
      server.freeze();
      try {
        await vi.waitFor(
          () =>
            expect(attentive.listen({ channels: ['x'] }, new Heard())).rejects.toMatchObject({ code: 'unavailable' }),
          { timeout: 60_000 },
        );
      } finally {
        server.thaw();
      }
      await vi.waitFor(() => expect(heard.returns).toBe(1), { timeout: 60_000 });
      await connection.ready(signal);
    });

    it('leaves nothing behind when it is closed', async () => {
      const closing = await connection.subscriber(signal);
      const heard = new Heard();
      const listening = await closing.listen({ channels: ['closing'] }, heard);
      await closing[Symbol.asyncDispose]();
      await listening[Symbol.asyncDispose]();
      await vi.waitFor(async () => expect(await publish('closing', 'x')).toBe(0));
      expect(heard.messages).toEqual([]);
    });
  });
});
