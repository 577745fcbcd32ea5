import { once } from 'node:events';
import { createServer } from 'node:net';
import { inspect } from 'node:util';
import { requireBackend } from '@outrigger/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestServer } from '../src/test-server.ts';
import { backend, connect, howToStart } from './connect.ts';

requireBackend(backend, howToStart, () => {
  describe('connecting to Redis', () => {
    let open: TestServer;
    let locked: TestServer;
    beforeAll(async () => {
      open = await TestServer.start();
      locked = await TestServer.start('--requirepass', 'the-password');
    });
    afterAll(() => Promise.all([open[Symbol.asyncDispose](), locked[Symbol.asyncDispose]()]));

    const clients = async () => {
      await using connection = await connect({ redisHost: open.host });
      return (
        String(await connection.send('CLIENT', ['LIST']))
          .trim()
          .split('\n').length - 1
      );
    };

    it('logs in, and works in the database that is asked for', async () => {
      await using connection = await connect({ redisHost: locked.host, redisPassword: 'the-password', redisDB: '3' });
      await connection.send('SET', ['key', 'three']);
      await using other = await connect({
        redisHost: locked.host,
        redisUsername: 'default',
        redisPassword: 'the-password',
      });
      expect(await other.send('GET', ['key'])).toBeNull();
      await other.send('SELECT', [3]);
      expect(String(await other.send('GET', ['key']))).toBe('three');
    });

    it.each([
      ['no server', () => ({ redisHost: '127.0.0.1:1' }), 'unavailable', /127\.0\.0\.1:1: .*ECONNREFUSED.*redisHost/],
      ['no such host', () => ({ redisHost: 'no-such-host.invalid' }), 'unavailable', /no-such-host\.invalid:6379/],
      [
        'a wrong password',
        () => ({ redisHost: locked.host, redisPassword: 'wrong' }),
        'invalid-argument',
        /refused the login.*redisPassword/,
      ],
      ['no password', () => ({ redisHost: locked.host }), 'invalid-argument', /wants a login: set redisPassword/],
      [
        'an unknown user',
        () => ({ redisHost: open.host, redisUsername: 'eve', redisPassword: 'x' }),
        'invalid-argument',
        /redisUsername/,
      ],
      ['a database that is not there', () => ({ redisHost: open.host, redisDB: '99' }), 'invalid-argument', /redisDB/],
      [
        'TLS where there is none',
        () => ({ redisHost: open.host, enableTLS: 'true', dialTimeout: '300ms' }),
        'unavailable',
        /cannot reach/,
      ],
      [
        'a cluster that is none',
        () => ({ redisHost: open.host, redisType: 'cluster' }),
        'invalid-argument',
        /not a cluster/,
      ],
      [
        'no sentinel',
        () => ({ redisHost: '127.0.0.1:1', failover: 'true', sentinelMasterName: 'm' }),
        'unavailable',
        /sentinels running/,
      ],
      [
        'a sentinel without a name',
        () => ({ redisHost: open.host, failover: 'true' }),
        'invalid-argument',
        /sentinelMasterName/,
      ],
      ['no address at all', () => ({ redisHost: ' , ' }), 'invalid-argument', /redisHost/],
      ['two ports', () => ({ redisHost: open.host, redisPort: '1' }), 'invalid-argument', /redisPort/],
      [
        'half a client certificate',
        () => ({ redisHost: open.host, enableTLS: 'true', clientCert: 'x' }),
        'invalid-argument',
        /clientKey/,
      ],
      ['Entra ID', () => ({ redisHost: open.host, useEntraID: 'true' }), 'unsupported', /useEntraID/],
    ] as const)('says what to do about %s, and leaves no connection', async (_, properties, code, message) => {
      await expect(connect(properties())).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
      expect(await clients()).toBe(0);
    });

    it('keeps the password out of the error and its causes', async () => {
      const error: unknown = await connect({ redisHost: locked.host, redisPassword: 'hunter2' }).catch(
        (reason: unknown) => reason,
      );
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2');
    });

    it('gives up on what accepts connections but never answers', async () => {
      const mute = createServer((socket) => void socket.resume()).listen(0, '127.0.0.1');
      await once(mute, 'listening');
      const { port } = mute.address() as { port: number };
      await expect(connect({ redisHost: `127.0.0.1:${port}`, readTimeout: '200ms' })).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('does not answer'),
      });
      mute.close();
      await once(mute, 'close');
    });

    it('stops trying when its signal aborts, with the reason of the signal', async () => {
      const mute = createServer((socket) => void socket.resume()).listen(0, '127.0.0.1');
      await once(mute, 'listening');
      const { port } = mute.address() as { port: number };
      const controller = new AbortController();
      const gone = once(mute, 'connection').then(([socket]) => {
        controller.abort(new Error('stopping'));
        return once(socket, 'close');
      });
      await expect(connect({ redisHost: `127.0.0.1:${port}` }, { signal: controller.signal })).rejects.toThrow(
        'stopping',
      );
      await gone;
      mute.close();
    });
  });
});
