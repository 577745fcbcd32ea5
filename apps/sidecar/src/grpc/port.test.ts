import { connect, type Socket } from 'node:net';

import { expect, it, onTestFinished } from 'vitest';

import { bindPort } from './port.ts';

const flags = { port: '--dapr-grpc-port', address: '--dapr-listen-addresses' };

async function bind(port = 0, hosts: readonly string[] = ['127.0.0.1']) {
  const bound = await bindPort({ endpoints: hosts.map((host) => ({ host, port })), flags });
  onTestFinished(() => bound[Symbol.asyncDispose]());
  return bound;
}

it('a port in use is an error that says which, and what to do', async () => {
  const { number: port } = await bind();
  await expect(bind(port)).rejects.toThrow(
    `cannot listen on 127.0.0.1:${port}: the port is in use; stop the process that has it, or choose another with --dapr-grpc-port`,
  );
});

it('an address that is not of this machine is an error that names the flag', async () => {
  await expect(bind(0, ['192.0.2.1'])).rejects.toThrow('--dapr-listen-addresses');
});

it('when one address cannot be bound none stays bound', async () => {
  const spare = await bind();
  const { number: port } = spare;
  await spare[Symbol.asyncDispose]();
  await expect(bind(port, ['127.0.0.1', '192.0.2.1'])).rejects.toThrow('192.0.2.1');
  expect((await bind(port)).number).toBe(port);
});

it('several addresses share one free port', async () => {
  const { number: port } = await bind(0, ['127.0.0.1', '127.0.0.2']);
  for (const host of ['127.0.0.1', '127.0.0.2']) {
    const socket = connect(port, host);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.destroy();
  }
});

it('connections that come before there is anybody to answer are answered later', async () => {
  const bound = await bind();
  const early = connect(bound.number, '127.0.0.1').setEncoding('utf8');
  onTestFinished(() => void early.destroy());
  await new Promise((resolve) => early.write('hello', resolve));
  bound.serve((socket: Socket) => socket.on('data', (data) => socket.end(`${data.toString()} yourself`)));
  expect(await new Promise((resolve) => early.once('data', resolve))).toBe('hello yourself');
});

it('closing takes no new connections and ends with the last', async () => {
  const bound = await bind();
  const served = new Promise<Socket>((resolve) => bound.serve(resolve));
  const client = connect(bound.number, '127.0.0.1');
  onTestFinished(() => void client.destroy());
  const socket = await served;
  let isClosed = false;
  const closed = bound.close().then(() => (isClosed = true));
  await expect(new Promise((_, reject) => connect(bound.number, '127.0.0.1').on('error', reject))).rejects.toThrow(
    'ECONNREFUSED',
  );
  expect(isClosed).toBe(false);
  socket.destroy();
  await closed;
});
