import { connect, type Socket } from 'node:net';

import { expect, it, onTestFinished } from 'vitest';

import { bindInternalPort } from './internal-port.ts';

async function bind(port = 0) {
  const bound = await bindInternalPort({ host: '127.0.0.1', port });
  onTestFinished(() => bound[Symbol.asyncDispose]());
  return bound;
}

it('a port in use is an error that says which, and what to do', async () => {
  const { port } = await bind();
  await expect(bind(port)).rejects.toThrow(
    `the internal 127.0.0.1:${port} is in use: stop what listens there, or choose another one with --dapr-internal-grpc-port`,
  );
});

it('an address that is not of this machine is an error that names the flag', async () => {
  await expect(bindInternalPort({ host: '192.0.2.1', port: 0 })).rejects.toThrow('--dapr-internal-grpc-listen-address');
});

it('connections that come before there is anybody to answer are answered later', async () => {
  const bound = await bind();
  const early = connect(bound.port, '127.0.0.1').setEncoding('utf8');
  onTestFinished(() => void early.destroy());
  await new Promise((resolve) => early.write('hello', resolve));
  bound.serve((socket: Socket) => socket.on('data', (data) => socket.end(`${data.toString()} yourself`)));
  expect(await new Promise((resolve) => early.once('data', resolve))).toBe('hello yourself');
});

it('closing takes no new connections and ends with the last', async () => {
  const bound = await bind();
  const served = new Promise<Socket>((resolve) => bound.serve(resolve));
  const client = connect(bound.port, '127.0.0.1');
  onTestFinished(() => void client.destroy());
  const socket = await served;
  let isClosed = false;
  const closed = bound.close().then(() => (isClosed = true));
  await expect(new Promise((_, reject) => connect(bound.port, '127.0.0.1').on('error', reject))).rejects.toThrow(
    'ECONNREFUSED',
  );
  expect(isClosed).toBe(false);
  socket.destroy();
  await closed;
});
