import { createServer } from 'node:net';
import { once } from 'node:events';
import { ComponentError } from '@outrigger/core';
import { describe, expect, it, vi } from 'vitest';
import { createPubSub, credentials, never, region } from './create.ts';
import { hasMotoServer, MotoServer } from './moto-server.ts';

const login = { region, ...credentials };

async function failure(properties: Record<string, string>, signal = never): Promise<ComponentError> {
  const error = await createPubSub(properties, { signal }).then(
    (pubSub) => pubSub[Symbol.asyncDispose](),
    (reason: unknown) => reason,
  );
  if (!ComponentError.is(error)) throw new Error(`expected a ComponentError, got ${String(error)}`);
  expect(error.message).not.toContain(credentials.secretKey);
  return error;
}

describe('connecting pubsub.aws.snssqs', () => {
  it('to a server that is not there names the endpoint and may be tried again', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    server.close();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const error = await failure({ endpoint: `http://127.0.0.1:${port}`, ...login });
    expect(error).toMatchObject({ code: 'unavailable', message: expect.stringMatching(/ECONNREFUSED.*endpoint/) });
  });

  it('to a server that says nothing names the endpoint when the time for it is over', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const timeIsUp = new AbortController();
    server.once('connection', (socket) => {
      timeIsUp.abort();
      socket.on('error', () => {}).resume();
    });
    const error = await failure({ endpoint: `http://127.0.0.1:${port}`, ...login }, timeIsUp.signal);
    server.close();
    expect(error).toMatchObject({ code: 'unavailable', message: expect.stringMatching(/no answer yet.*endpoint/) });
  });

  it('to a host that does not exist names the endpoint', async () => {
    const error = await failure({ endpoint: 'http://no-such-host.invalid:4566', ...login });
    expect(error).toMatchObject({ code: 'unavailable', message: expect.stringMatching(/no-such-host.*endpoint/) });
  });

  it('without a region says so', async () => {
    for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION']) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere');
    try {
      const error = await failure({ endpoint: 'http://127.0.0.1:1', ...credentials });
      expect(error).toMatchObject({ code: 'invalid-argument', message: expect.stringContaining('region') });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it.each([
    [{ endpoint: 'localhost 4566' }, 'endpoint'],
    [{ accountID: '12' }, 'accountID'],
  ])('with %j names the field', async (properties, field) => {
    const error = await failure({ ...login, ...(properties as Record<string, string>) });
    expect(error).toMatchObject({ code: 'invalid-argument', message: expect.stringContaining(field) });
  });

  it.skipIf(!hasMotoServer)(
    'with credentials that AWS does not know names their fields, and does not quote them',
    async () => {
      await using server = await MotoServer.start({ INITIAL_NO_AUTH_ACTION_COUNT: '0' });
      const error = await failure({ endpoint: server.endpoint, ...login });
      expect(error).toMatchObject({ code: 'invalid-argument', message: expect.stringMatching(/accessKey, secretKey/) });
      expect(error.message).not.toContain(credentials.accessKey);
    },
  );
});
