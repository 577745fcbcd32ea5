import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { VaultClient } from './vault-client.ts';

// what a single server without a licence cannot be brought to do: namespaces, standbys, strange answers

const { signal } = new AbortController();
const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(
    servers.splice(0).map((server) => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    }),
  );
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function clientOf(address: string, namespace?: string, timeout = 5000): VaultClient {
  return new VaultClient({ address: new URL(address), tls: {}, namespace, timeout });
}

it('sends the token and the namespace with each request, below the path of the address', async () => {
  let seen: { url: string | undefined; headers: IncomingHttpHeaders } | undefined;
  const address = await serve(({ url, headers }, response) => {
    seen = { url, headers };
    response.end('{}');
  });
  const client = clientOf(`${address}/vault/`, 'team/a');
  expect(await client.send({ method: 'GET', path: 'secret/metadata?list=true', token: 't' }, signal)).toEqual({
    status: 200,
    text: '{}',
  });
  expect(seen).toMatchObject({
    url: '/vault/v1/secret/metadata?list=true',
    headers: { 'x-vault-token': 't', 'x-vault-namespace': 'team/a', 'x-vault-request': 'true' },
  });
  await client.close();
});

it('goes to the active server that a standby names, once', async () => {
  const active = await serve((request, response) => response.end(request.headers['x-vault-token']));
  const standby = await serve((request, response) =>
    response.writeHead(307, { location: `${active}${request.url ?? ''}` }).end(),
  );
  const confused = await serve((_, response) => response.writeHead(307, { location: '/' }).end());
  const client = clientOf(standby);
  expect(await client.send({ method: 'GET', path: 'x', token: 't' }, signal)).toEqual({ status: 200, text: 't' });
  const other = clientOf(confused);
  expect(await other.send({ method: 'GET', path: 'x' }, signal)).toMatchObject({ status: 307 });
  await Promise.all([client.close(), other.close()]);
});

it('gives up a server that does not answer in time, and a call whose caller does', async () => {
  const address = await serve(() => {});
  const client = clientOf(address, undefined, 50);
  await expect(client.send({ method: 'GET', path: 'x' }, signal)).rejects.toMatchObject({
    code: 'deadline-exceeded',
    message: expect.stringContaining(address),
  });
  const caller = new AbortController();
  const call = client.send({ method: 'GET', path: 'x' }, caller.signal);
  caller.abort(new Error('gone'));
  await expect(call).rejects.toThrow('gone');
  await client.close();
});

it('takes no answer without end', async () => {
  const address = await serve((_, response) => {
    const block = Buffer.alloc(2 ** 20, 'x');
    const write = (): void => {
      while (!response.destroyed && response.write(block));
      response.once('drain', write);
    };
    write();
  });
  const client = clientOf(address);
  await expect(client.send({ method: 'GET', path: 'x' }, signal)).rejects.toMatchObject({
    message: expect.stringContaining('more than 32 MiB'),
  });
  await client.close();
});
