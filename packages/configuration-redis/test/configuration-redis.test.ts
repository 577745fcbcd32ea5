import { requireBackend } from '@outrigger/conformance';
import { type ConfigurationItems, silentLogger } from '@outrigger/core';
import { TestServer } from '@outrigger/redis-client/test-server';
import { describe, expect, it, vi } from 'vitest';
import { connect, createStore, howToStart } from './create.ts';

const { signal } = new AbortController();
const item = (value: string, version = '') => ({ value, version, metadata: {} });

/** What a subscription was told, all of it in one object per call. */
function told() {
  const calls: ConfigurationItems[] = [];
  return { calls, onChange: async (items: ConfigurationItems) => void calls.push(items) };
}

requireBackend('OUTRIGGER_TEST_REDIS', howToStart, () => {
  describe('configuration.redis', () => {
    it('reads texts as Dapr does: value||version, or a value; and nothing else', async () => {
      await using server = await TestServer.start();
      await using raw = await connect({ redisHost: server.host });
      await using store = await createStore({ redisHost: server.host });
      const texts = { both: 'a||1', plain: 'b', more: 'c||2||3', empty: '', none: '||4' };
      for (const [key, text] of Object.entries(texts)) await raw.send('SET', [key, text]);
      await raw.send('HSET', ['hash', 'data', 'x']);
      const items = { both: item('a', '1'), plain: item('b'), more: item('c', '2') };
      expect(await store.get({}, signal)).toEqual(items);
      expect(await store.get({ keys: [...Object.keys(texts), 'hash'] }, signal)).toEqual(items);
    });

    it('has the database that it was given to itself', async () => {
      await using server = await TestServer.start();
      await using zero = await connect({ redisHost: server.host });
      await using five = await connect({ redisHost: server.host, redisDB: '5' });
      await using store = await createStore({ redisHost: server.host, redisDB: '5' });
      const { calls, onChange } = told();
      await using _ = await store.subscribe?.({}, onChange, signal);
      await zero.send('SET', ['key', 'zero']);
      await five.send('SET', ['key', 'five']);
      await vi.waitFor(() => expect(calls).toEqual([{ key: item('five') }]));
      expect(await store.get({}, signal)).toEqual({ key: item('five') });
    });

    it('tells of what has changed, not of what was only touched', async () => {
      await using server = await TestServer.start();
      await using raw = await connect({ redisHost: server.host });
      await raw.send('SET', ['key', 'same||1']);
      await using store = await createStore({ redisHost: server.host });
      const { calls, onChange } = told();
      await using _ = await store.subscribe?.({}, onChange, signal);
      await raw.send('SET', ['key', 'same||1']);
      await raw.send('EXPIRE', ['key', 100]);
      await raw.send('SET', ['list', 'x']);
      await vi.waitFor(() => expect(calls).toEqual([{ list: item('x') }]));
      await raw.send('DEL', ['list']);
      await vi.waitFor(() => expect(calls.at(-1)).toEqual({ list: item('') }));
      await raw.send('LPUSH', ['list', 'x']);
      await raw.send('SET', ['key', 'other||2', 'PX', 300]);
      await vi.waitFor(() => expect(calls.at(-1)).toEqual({ key: item('other', '2') }));
      await vi.waitFor(() => expect(calls.at(-1)).toEqual({ key: item('') }));
      expect(calls).toHaveLength(4);
    });

    it('adds to the notifications that are on, and takes none away', async () => {
      await using server = await TestServer.start('--notify-keyspace-events', 'Elg');
      await using raw = await connect({ redisHost: server.host });
      await using store = await createStore({ redisHost: server.host });
      await using _ = await store.subscribe?.({ keys: ['a'] }, told().onChange, signal);
      const [, flags] = (await raw.send('CONFIG', ['GET', 'notify-keyspace-events'])) as [Buffer, Buffer];
      expect(flags.toString().split('').toSorted()).toEqual('EKlg$xe'.split('').toSorted());
    });

    it('says so when they are off and the server refuses to turn them on', async () => {
      await using server = await TestServer.start();
      await using raw = await connect({ redisHost: server.host });
      await raw.send('ACL', ['SETUSER', 'reader', 'on', '>secret', 'allkeys', 'allchannels', '+@all', '-config|set']);
      const login = { redisHost: server.host, redisUsername: 'reader', redisPassword: 'secret' };
      await using store = await createStore(login);
      await expect(store.subscribe?.({}, told().onChange, signal)).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringMatching(/refuses to turn them on: set notify-keyspace-events to Kg\$xe there$/),
      });

      await raw.send('CONFIG', ['SET', 'notify-keyspace-events', 'KA']);
      const { calls, onChange } = told();
      await using _ = await store.subscribe?.({}, onChange, signal);
      await raw.send('SET', ['key', 'x']);
      await vi.waitFor(() => expect(calls).toEqual([{ key: item('x') }]));
    });

    it('warns when it cannot know whether they are on', async () => {
      await using server = await TestServer.start('--notify-keyspace-events', 'KA');
      await using raw = await connect({ redisHost: server.host });
      await raw.send('ACL', ['SETUSER', 'reader', 'on', '>secret', 'allkeys', 'allchannels', '+@all', '-config']);
      const warnings: string[] = [];
      const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
      const login = { redisHost: server.host, redisUsername: 'reader', redisPassword: 'secret' };
      await using store = await createStore(login, logger);
      const { calls, onChange } = told();
      await using _ = await store.subscribe?.({ keys: ['key'] }, onChange, signal);
      await raw.send('SET', ['key', 'x']);
      await vi.waitFor(() => expect(calls).toEqual([{ key: item('x') }]));
      expect(warnings).toEqual([expect.stringContaining('does not tell whether it sends keyspace notifications')]);
    });

    it('tells after an outage what has changed in between, and goes on', async () => {
      await using server = await TestServer.start('--appendonly', 'yes', '--appendfsync', 'always');
      await using raw = await connect({ redisHost: server.host });
      for (const key of ['kept', 'changed', 'deleted']) await raw.send('SET', [key, `${key}||1`]);
      await using store = await createStore({ redisHost: server.host });
      const [some, all] = [told(), told()];
      await using _some = await store.subscribe?.({ keys: ['changed', 'kept'] }, some.onChange, signal);
      await using _all = await store.subscribe?.({}, all.onChange, signal);

      // cut off and kept out while somebody else writes
      await raw.send('ACL', ['SETUSER', 'operator', 'on', '>secret', 'allkeys', '+@all']);
      await using operator = await connect({
        redisHost: server.host,
        redisUsername: 'operator',
        redisPassword: 'secret',
      });
      await operator.send('ACL', ['SETUSER', 'default', 'off']);
      await operator.send('CLIENT', ['KILL', 'USER', 'default']);
      await operator.send('SET', ['changed', 'changed||2']);
      await operator.send('DEL', ['deleted']);
      await operator.send('SET', ['new', 'new||1']);
      await expect(store.get({}, signal)).rejects.toMatchObject({ code: 'unavailable' });
      await operator.send('ACL', ['SETUSER', 'default', 'on']);

      const missed = { changed: item('changed', '2'), deleted: item(''), new: item('new', '1') };
      await vi.waitFor(() => expect(Object.assign({}, ...all.calls)).toEqual(missed), { timeout: 60_000 });
      await vi.waitFor(() => expect(some.calls).toEqual([{ changed: item('changed', '2') }]));

      // a restart forgets that notifications were on
      await server.kill();
      await server.restart();
      await raw.ready(signal);
      await vi.waitFor(
        async () => {
          await raw.send('SET', ['kept', `kept||${Date.now()}`]);
          expect(some.calls.at(-1)).toHaveProperty('kept');
        },
        { timeout: 60_000, interval: 100 },
      );
    });

    it('fails at once while the server is away, and says which it cannot reach', async () => {
      await using server = await TestServer.start();
      await using store = await createStore({ redisHost: server.host });
      await server.kill();
      const unavailable = { code: 'unavailable', message: expect.stringContaining(server.host) };
      await expect(store.get({}, signal)).rejects.toMatchObject(unavailable);
      await expect(store.subscribe?.({}, told().onChange, signal)).rejects.toMatchObject(unavailable);
      await expect(createStore({ redisHost: '127.0.0.1:1' })).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(/127\.0\.0\.1:1: .*redisHost/),
      });
      await server.restart();
      await vi.waitFor(async () => expect(await store.get({}, signal)).toEqual({}), { timeout: 60_000 });
      await using _ = await store.subscribe?.({}, told().onChange, signal);
    });
  });
});
