import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Network, openNetwork } from './network.ts';

/** Answers every chunk with itself. */
async function openEcho(): Promise<{ server: Server; sockets: Set<Socket>; port: number; received: () => number }> {
  const sockets = new Set<Socket>();
  let received = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { server, sockets, port: address.port, received: () => received };
}

describe('a network that can be cut', () => {
  let echo: Awaited<ReturnType<typeof openEcho>>;
  let network: Network;
  const clients: Socket[] = [];

  beforeEach(async () => {
    echo = await openEcho();
    network = await openNetwork({ host: '127.0.0.1', port: echo.port });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await network[Symbol.asyncDispose]();
    echo.server.close();
    for (const socket of echo.sockets) socket.destroy();
  });

  async function join(): Promise<Socket & { text: string }> {
    const client = Object.assign(connect(network.port, network.host), { text: '' });
    clients.push(client);
    client.on('error', () => {});
    client.on('data', (chunk) => {
      client.text += chunk.toString();
    });
    await once(client, 'connect');
    return client;
  }
  // not `once`, which takes the error of a reset for its own
  const closeOf = (client: Socket) => new Promise<void>((resolve) => client.once('close', () => resolve()));
  const says = (client: { text: string }, text: string) => expect.poll(() => client.text, { timeout: 5000 }).toBe(text);

  it('forwards both ways, and a close as well', async () => {
    const client = await join();
    client.write('hello');
    await says(client, 'hello');
    expect([network.connections, network.address]).toEqual([1, `127.0.0.1:${network.port}`]);
    client.end();
    await closeOf(client);
    await expect.poll(() => [network.connections, echo.sockets.size]).toEqual([0, 0]);
  });

  it('forwards nothing while it is cut, keeps the connections open, and goes on with every byte when it is mended', async () => {
    const client = await join();
    client.write('before,');
    await says(client, 'before,');
    await network.cut();
    client.write('during,');
    for (const socket of echo.sockets) socket.write('from the server,');
    await delay(100);
    expect([client.text, echo.received(), client.destroyed]).toEqual(['before,', 7, false]);
    await network.mend();
    await expect.poll(() => client.text.length, { timeout: 5000 }).toBe('before,during,from the server,'.length);
    client.write('after');
    await expect.poll(() => client.text, { timeout: 5000 }).toMatch(/^before,.*after$/);
  });

  it('takes only what fits the sockets while it is cut: who sends more feels it', async () => {
    const client = await join();
    await network.cut();
    const payload = Buffer.alloc(32 * 1024 * 1024, 'x');
    expect(client.write(payload)).toBe(false);
    await delay(100);
    expect(client.writableLength).toBeGreaterThan(16 * 1024 * 1024);
    expect(echo.received()).toBe(0);
    await network.mend();
    await expect.poll(() => echo.received(), { timeout: 10_000 }).toBe(payload.length);
  });

  it('holds a close back while it is cut', async () => {
    const client = await join();
    await expect.poll(() => echo.sockets.size).toBe(1);
    await network.cut();
    client.destroy();
    await delay(50);
    expect(echo.sockets.size).toBe(1);
    await network.mend();
    await expect.poll(() => echo.sockets.size).toBe(0);
  });

  it('answers who connects during the cut with silence, and serves it afterwards', async () => {
    await network.cut();
    const client = await join();
    client.write('hello');
    await delay(50);
    expect([client.text, echo.sockets.size]).toEqual(['', 0]);
    await network.mend();
    await says(client, 'hello');
  });

  it('refuses who connects during the cut, when told so, and listens on the same port afterwards', async () => {
    const established = await join();
    const { port } = network;
    await network.cut({ newConnections: 'refuse' });
    await expect(join()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(established.destroyed).toBe(false);
    await network.mend();
    const client = await join();
    client.write('hello');
    established.write('still here');
    await says(client, 'hello');
    await says(established, 'still here');
    expect(network.port).toBe(port);
  });

  it('resets what is left from before the cut, when told so', async () => {
    const client = await join();
    client.write('x');
    await says(client, 'x');
    await network.cut();
    const closed = closeOf(client);
    await network.mend({ reset: true });
    await closed;
    await expect.poll(() => [network.connections, echo.sockets.size]).toEqual([0, 0]);
    const next = await join();
    next.write('next');
    await says(next, 'next');
  });

  it('resets every connection at once and goes on', async () => {
    const [one, two] = [await join(), await join()];
    one.write('x');
    await says(one, 'x');
    const closed = Promise.all([closeOf(one), closeOf(two)]);
    network.reset();
    await closed;
    const next = await join();
    next.write('next');
    await says(next, 'next');
  });

  it('ends the client when the server is not there', async () => {
    echo.server.close();
    await once(echo.server, 'close');
    const client = await join();
    await closeOf(client);
    expect(network.connections).toBe(0);
  });

  it('listens where it is told', async () => {
    const { port } = network;
    await network[Symbol.asyncDispose]();
    await using other = await openNetwork({ host: '127.0.0.1', port: echo.port }, { listenPort: port });
    expect(other.port).toBe(port);
  });
});
