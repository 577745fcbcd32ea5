import { requireBackend } from '@outrigger/conformance';
import { describe, expect, it } from 'vitest';
import { TestServer } from '../src/test-server.ts';
import { backend, connect, howToStart } from './connect.ts';

requireBackend(backend, howToStart, () => {
  describe('limits of a Redis server', () => {
    it('says that the server takes no more connections, and works once it does', async () => {
      await using server = await TestServer.start('--maxclients', '2');
      const first = await connect({ redisHost: server.host });
      await using second = await connect({ redisHost: server.host });
      const error: unknown = await connect({ redisHost: server.host }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'unavailable', message: expect.stringMatching(/maxclients/) });
      expect(String(await second.send('PING', []))).toBe('PONG');
      await first[Symbol.asyncDispose]();
      await expect
        .poll(() => connect({ redisHost: server.host }).then((one) => one[Symbol.asyncDispose]()))
        .toBeUndefined();
    });

    it('never calls a value taken that is larger than the server takes, and goes on', async () => {
      await using server = await TestServer.start('--proto-max-bulk-len', '1mb');
      await using connection = await connect({ redisHost: server.host });
      await connection.send('SET', ['key', 'old']);
      const error: unknown = await connection.send('SET', ['key', Buffer.alloc(3_000_000)]).then(
        () => 'taken',
        (reason: unknown) => reason,
      );
      // the server says why and hangs up; where the second comes first, the first is lost
      expect(error).toMatchObject({ message: expect.stringMatching(/proto-max-bulk-len|lost the connection/) });
      await expect.poll(async () => String(await connection.send('GET', ['key']))).toBe('old');
    });

    it('says that the memory is full, and keeps what there was', async () => {
      await using server = await TestServer.start();
      await using connection = await connect({ redisHost: server.host });
      await connection.send('SET', ['key', 'old']);
      await connection.send('CONFIG', ['SET', 'maxmemory', 1]);
      await expect(connection.send('SET', ['key', 'new'])).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(/OOM.*maxmemory/),
      });
      expect(String(await connection.send('GET', ['key']))).toBe('old');
    });
  });
});
