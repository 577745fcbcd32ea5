import { silentLogger } from '@outrigger/core';
import { requireBackend } from '@outrigger/conformance';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type RedisConnection, redisScript } from '../src/index.ts';
import { TestServer } from '../src/test-server.ts';
import { backend, connect, howToStart } from './connect.ts';

const { signal } = new AbortController();

requireBackend(backend, howToStart, () => {
  describe('a connection to Redis', () => {
    let server: TestServer;
    let connection: RedisConnection;
    const log: string[] = [];
    const logger = {
      ...silentLogger,
      warn: (message: string) => void log.push(message),
      info: (message: string) => void log.push(message),
    };

    beforeAll(async () => {
      server = await TestServer.start();
      connection = await connect({ redisHost: server.host, readTimeout: '500ms' }, { logger });
    });
    afterAll(async () => {
      await connection[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    });
    beforeEach(async () => {
      await connection.ready(signal);
      await connection.send('FLUSHALL', []);
      log.length = 0;
    });

    it('fails at once while the server is away, and works again by itself when it is back', async () => {
      const waiting = connection.send('BLPOP', ['nothing', 0]);
      const broken = expect(waiting).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining(server.host),
      });
      await server.kill();
      await broken;
      const asked = performance.now();
      await expect(connection.send('SET', ['key', 'value'])).rejects.toMatchObject({ code: 'unavailable' });
      expect(performance.now() - asked).toBeLessThan(100);
      expect(connection.isReady).toBe(false);

      await server.restart();
      await connection.ready(signal);
      await connection.send('SET', ['key', 'value']);
      await vi.waitFor(() => expect(log).toHaveLength(2));
      expect(log).toEqual([expect.stringContaining('lost the connection'), expect.stringContaining('again')]);
    });

    it('tells once that the server is away, whatever the number of connections', async () => {
      const more = [await connection.duplicate(0, signal), await connection.duplicate(60_000, signal)];
      await server.kill();
      await vi.waitFor(() => expect(more.some(({ isReady }) => isReady)).toBe(false));
      await server.restart();
      await Promise.all([connection, ...more].map((one) => one.ready(signal)));
      await vi.waitFor(() => expect(log).toHaveLength(2));
      expect(log).toEqual([expect.stringContaining('lost the connection'), expect.stringContaining('again')]);
      for (const one of more) await one[Symbol.asyncDispose]();
    });

    it('never sends again what was under way when the connection dropped', async () => {
      await using other = await connect({ redisHost: server.host });
      const waiting = expect(connection.send('BLPOP', ['list', 0])).rejects.toMatchObject({ code: 'unavailable' });
      await vi.waitFor(async () => expect(String(await other.send('CLIENT', ['LIST']))).toContain('cmd=blpop'));
      await other.send('CLIENT', ['KILL', 'TYPE', 'normal']);
      await waiting;
      await connection.ready(signal);
      await other.send('RPUSH', ['list', 'item']);
      expect(await connection.send('LLEN', ['list'])).toBe(1);
    });

    it('does not wait for ever for a server that hangs', async () => {
      server.freeze();
      try {
        const asked = performance.now();
        await expect(connection.send('GET', ['key'])).rejects.toMatchObject({ code: 'deadline-exceeded' });
        expect(performance.now() - asked).toBeLessThan(2000);
      } finally {
        server.thaw();
      }
      await connection.ready(signal);
      expect(await connection.send('GET', ['key'])).toBeNull();
    });

    it('lets go of a command when its signal aborts, and serves the others', async () => {
      const controller = new AbortController();
      const reason = new Error('no longer wanted');
      const waiting = connection.send('BLPOP', ['nothing', 0.2], controller.signal);
      controller.abort(reason);
      await expect(waiting).rejects.toBe(reason);
      expect(String(await connection.send('PING', []))).toBe('PONG');
      await expect(connection.send('PING', [], controller.signal)).rejects.toBe(reason);
      await expect(connection.ready(controller.signal)).rejects.toBe(reason);
    });

    it('runs a script that the server has forgotten', async () => {
      const script = redisScript("return redis.call('INCRBY', KEYS[1], ARGV[1])");
      expect(await connection.run(script, ['n'], [1])).toBe(1);
      await connection.send('SCRIPT', ['FLUSH']);
      expect(await Promise.all([connection.run(script, ['n'], [1]), connection.run(script, ['n'], [1])])).toEqual([
        2, 3,
      ]);
    });

    it('carries bytes both ways, and keeps replies in order', async () => {
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      await connection.send('SET', ['bytes', bytes]);
      expect(new Uint8Array((await connection.send('GET', ['bytes'])) as Buffer)).toEqual(bytes);
      const echoes = Array.from({ length: 500 }, (_, index) => connection.send('ECHO', [index]));
      expect((await Promise.all(echoes)).map(String)).toEqual(Array.from({ length: 500 }, (_, index) => String(index)));
    });

    it('tells what the server refuses from what it cannot do, without the values that were sent', async () => {
      await connection.send('SET', ['text', 'x']);
      await expect(connection.send('LPUSH', ['text', 'y'])).rejects.toMatchObject({ code: 'invalid-argument' });
      await expect(connection.send('NOSUCHCOMMAND', ['secret-value'])).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.not.stringContaining('secret-value'),
      });
    });

    it('has connections of their own for commands that block, which end at once', async () => {
      const blocking = await connection.duplicate(60_000, signal);
      const waiting = expect(blocking.send('BLPOP', ['nothing', 60])).rejects.toMatchObject({ code: 'unavailable' });
      await vi.waitFor(async () => expect(String(await connection.send('CLIENT', ['LIST']))).toContain('cmd=blpop'));
      const asked = performance.now();
      await blocking[Symbol.asyncDispose]();
      await waiting;
      expect(performance.now() - asked).toBeLessThan(500);
    });

    it('waits for the replies that are due before it closes, and then refuses', async () => {
      const closing = await connect({ redisHost: server.host });
      const replies = Array.from({ length: 100 }, () => closing.send('INCR', ['count']));
      await closing[Symbol.asyncDispose]();
      expect(await Promise.all(replies)).toHaveLength(100);
      await expect(closing.send('PING', [])).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('closed'),
      });
      await expect(closing.ready(signal)).rejects.toMatchObject({ code: 'unavailable' });
    });

    it('can be closed while the server is away', async () => {
      const closing = await connect({ redisHost: server.host });
      await server.kill();
      await vi.waitFor(() => expect(closing.isReady).toBe(false));
      await closing[Symbol.asyncDispose]();
      await server.restart();
      await connection.ready(signal);
      expect(
        String(await connection.send('CLIENT', ['LIST']))
          .trim()
          .split('\n'),
      ).toHaveLength(1);
    });
  });
});
