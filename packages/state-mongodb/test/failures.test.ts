import { requireBackend } from '@outrigger/conformance';
import { type Logger, silentLogger } from '@outrigger/core';
import { MongoClient } from 'mongodb';
import { describe, expect, it, vi } from 'vitest';
import { createStore } from './create.ts';
import { mongoCommand, MongoServer } from './mongo-server.ts';

const { signal } = new AbortController();
const start = 'eval "$(e2e/backends/up.sh mongo)", then npm run test:backends';
const value = Buffer.from('x');
const params = '?directConnection=true';

requireBackend('OUTRIGGER_TEST_MONGO', start, (host) => {
  describe('state.mongodb when something is wrong', () => {
    it('names the fields of a login that is refused, and not the password', async () => {
      const password = 'no-such-secret';
      const opened = createStore({ host, params, username: 'nobody', password });
      const error = await opened.catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'invalid-argument', message: expect.stringMatching(/username.*password/) });
      expect(JSON.stringify(error) + String(error)).not.toContain(password);
    });

    it('says which server it cannot reach', async () => {
      const opened = createStore({ host: '127.0.0.1:1', operationTimeout: '500ms' });
      await expect(opened).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(/127\.0\.0\.1:1 .*host/),
      });
    });

    it('says that TLS is what fails', async () => {
      const opened = createStore({
        connectionString: `mongodb://${host}/?tls=true&directConnection=true`,
        operationTimeout: '1s',
      });
      await expect(opened).rejects.toMatchObject({ code: 'unavailable' });
    });

    it('does not repeat a connection string that is not valid', async () => {
      for (const connectionString of [
        'mongodb://user:hunter2@',
        'hunter2://x',
        'mongodb://u:hunter2@h/?noSuch=hunter2',
      ]) {
        const error = await createStore({ connectionString }).catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: 'invalid-argument', message: expect.stringContaining('connectionString') });
        expect(String(error)).not.toContain('hunter2');
      }
    });

    it('refuses a write concern that would answer before the write is taken', async () => {
      await expect(createStore({ host, params, writeconcern: '0' })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('writeconcern'),
      });
    });

    it('does not begin with a write concern that too few members can fulfil', async () => {
      await expect(createStore({ host, params, databaseName: 'failures', writeconcern: '5' })).rejects.toMatchObject({
        message: expect.stringContaining('too few members'),
      });
    });

    it('ends what it is opening when nobody waits for it', async () => {
      const controller = new AbortController();
      const opened = createStore({ host: '127.0.0.1:1' }, silentLogger, controller);
      controller.abort(new Error('given up'));
      await expect(opened).rejects.toThrow('given up');
    });

    it('refuses a value over 16 MiB and keeps the one that was there; of many only that one', async () => {
      await using store = await createStore({ host, params, databaseName: 'failures', operationTimeout: '30s' });
      const large = Buffer.alloc(17 * 1024 * 1024, 'x');
      await store.set({ key: 'large', value }, signal);
      await expect(store.set({ key: 'large', value: large }, signal)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('16 MiB'),
      });
      const outcomes = await store.setMany?.(
        [
          { key: 'large', value: large },
          { key: 'small', value },
        ],
        signal,
      );
      expect(outcomes).toMatchObject([{ ok: false, error: { code: 'invalid-argument' } }, { ok: true }]);
      expect((await store.get({ key: 'large' }, signal))?.value.toString()).toBe('x');
    });

    it('keeps as a text what as BSON would be too large', async () => {
      await using store = await createStore({ host, params, databaseName: 'failures', operationTimeout: '30s' });
      const numbers = Buffer.from(`[${'1,'.repeat(2_000_000)}1]`);
      await store.set({ key: 'numbers', value: numbers }, signal);
      const item = await store.get({ key: 'numbers' }, signal);
      expect(numbers.equals(item?.value ?? Buffer.of())).toBe(true);
      await store.delete({ key: 'numbers' }, signal);
    });
  });

  describe.skipIf(!mongoCommand)('state.mongodb and a server of its own', () => {
    it('says once that the server is lost, and once that it is back', async () => {
      await using server = await MongoServer.start();
      const lines: string[] = [];
      const logger: Logger = {
        ...silentLogger,
        warn: (line) => lines.push(`warn ${line}`),
        info: (line) => lines.push(line),
      };
      await using store = await createStore({ host: server.host, params, operationTimeout: '1s' }, logger);
      await server.kill();
      for (let call = 0; call < 3; call++)
        await expect(store.get({ key: 'a' }, signal)).rejects.toMatchObject({ retryable: true });
      await server.restart();
      await vi.waitFor(() => store.get({ key: 'a' }, signal), { timeout: 60_000 });
      expect(lines).toEqual([
        expect.stringMatching(`warn lost MongoDB at ${server.host}`),
        `connected to MongoDB at ${server.host} again`,
      ]);
    });

    it('says that all connections are in use', async () => {
      await using server = await MongoServer.start();
      const options = '&maxPoolSize=1&waitQueueTimeoutMS=100';
      await using store = await createStore({ host: server.host, params: params + options });
      const others = Array.from({ length: 300 }, (_, index) => store.set({ key: String(index), value }, signal));
      const errors = (await Promise.allSettled(others)).flatMap((one) =>
        one.status === 'rejected' ? [one.reason] : [],
      );
      expect(errors[0]).toMatchObject({ code: 'unavailable', message: expect.stringContaining('maxPoolSize') });
      await store.set({ key: 'after', value }, signal);
    });

    it('has no transactions without a replica set, and everything else', async () => {
      await using server = await MongoServer.start('--standalone');
      await using store = await createStore({ host: server.host });
      expect(store.transact).toBeUndefined();
      await store.set({ key: 'a', value }, signal);
      expect(await store.get({ key: 'a' }, signal)).toBeDefined();
    });

    it('signs in with a name and a password, and says what is missing without', async () => {
      await using server = await MongoServer.start();
      const login = { username: 'app@x', password: 'p:/?#%' };
      const client = await MongoClient.connect(`mongodb://${server.host}/${params}`);
      const { username, password } = login;
      await client.db('daprStore').command({ createUser: username, pwd: password, roles: ['readWrite'] });
      await client.close();
      await server.stop();
      await server.restart('--auth');
      await using store = await createStore({ host: server.host, params, ...login });
      await store.set({ key: 'a', value }, signal);
      const wrong = createStore({ host: server.host, params, ...login, password: 'wrong' });
      await expect(wrong).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('refused the login'),
      });
      await expect(createStore({ host: server.host, params })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('set username and password'),
      });
    });
  });
});
