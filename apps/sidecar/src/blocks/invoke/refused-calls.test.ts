import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';

import { type Client, Metadata, status } from '@grpc/grpc-js';
import { InternalInvokeResponseStream } from '@outrigger/protocol';
import { expect, it, onTestFinished } from 'vitest';

import { startProxyHalf } from '../../../test/proxy-half.ts';
import { Directory, startHalf } from '../../../test/sidecar-half.ts';
import { frame } from '@outrigger/grpc/testing';
import { GrpcPeers } from './peers.ts';

const refused = 7;
const ok = { ':status': 200, 'content-type': 'application/grpc' };
const never = new AbortController().signal;

/** Takes calls as given; `attempt` counts them from 1. The port it listens on. */
async function serve(answer: (stream: ServerHttp2Stream, attempt: number) => void): Promise<number> {
  let attempts = 0;
  const server: Http2Server = createServer().on('sessionError', () => {});
  server.on('stream', (stream) =>
    answer(
      stream.on('error', () => {}),
      ++attempts,
    ),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** The first `times` calls meet a server that is about to end its connection, and does not begin with them. */
function refuseFirst(times: number, message: Uint8Array) {
  return (stream: ServerHttp2Stream, attempt: number): void => {
    if (attempt <= times) {
      stream.session?.goaway(0, 0);
      stream.close(refused);
      return;
    }
    stream.respond(ok, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(frame(message));
  };
}

function ask(client: Client): Promise<string | number> {
  const same = (bytes: Buffer): Buffer => bytes;
  const metadata = new Metadata();
  metadata.set('dapr-app-id', 'orders');
  return new Promise((resolve) => {
    const call = client.makeBidiStreamRequest('/shop.v1.Orders/Ask', same, same, metadata);
    call.on('data', (message: Buffer) => resolve(message.toString()));
    call.on('error', ({ code }: Error & { code?: number }) => resolve(code ?? -1));
    call.end(Buffer.from('x'));
  });
}

async function startBoth(refusals: number) {
  const directory = new Directory();
  const grpcAppPort = await serve(refuseFirst(refusals, Buffer.from('fine')));
  const orders = await startProxyHalf({ appId: 'orders', grpcAppPort, directory });
  const checkout = await startProxyHalf({ appId: 'checkout', directory });
  return { 'the own app': orders.client, 'another app': checkout.client };
}

it.each(['the own app', 'another app'] as const)(
  'a call that %s has not begun with is made again at once',
  async (which) => {
    const clients = await startBoth(1);
    expect(await ask(clients[which])).toBe('fine');
  },
);

it.each(['the own app', 'another app'] as const)('when %s begins with no call it is unavailable', async (which) => {
  const clients = await startBoth(Infinity);
  expect(await ask(clients[which])).toBe(status.UNAVAILABLE);
});

it('a call that a peer has not begun with is made again at once, a POST as well', async () => {
  const response = { status: { code: 201, message: '', details: [] }, headers: {}, trailers: {}, message: undefined };
  const answer = InternalInvokeResponseStream.encode({ response }).finish();
  await using peers = new GrpcPeers();
  const address = `127.0.0.1:${await serve(refuseFirst(1, answer))}`;
  const request = { verb: 'POST', path: '/orders', query: '', headers: {}, body: Buffer.from('canoe') };
  const { status: code } = await peers.call(address, { appId: 'orders', namespace: '' }, request, never);
  expect(code).toBe(201);
});

it('a call that a peer has not begun with is made again with a short body in pieces', async () => {
  const response = { status: { code: 201, message: '', details: [] }, headers: {}, trailers: {}, message: undefined };
  const directory = new Directory();
  const answer = InternalInvokeResponseStream.encode({ response }).finish();
  directory.add('orders', await serve(refuseFirst(1, answer)));
  const { url } = await startHalf({ appId: 'checkout', directory });
  const body = new Blob(['in pieces']).stream();
  const made = await fetch(`${url}/v1.0/invoke/orders/method/x`, { method: 'POST', body, duplex: 'half' });
  expect(made.status).toBe(201);
});

it('a call that may have arrived is not made again', async () => {
  let calls = 0;
  const port = await serve((stream) => {
    calls++;
    stream.session?.destroy();
  });
  await using peers = new GrpcPeers();
  const request = { verb: 'POST', path: '/orders', query: '', headers: {}, body: Buffer.from('canoe') };
  const call = peers.call(`127.0.0.1:${port}`, { appId: 'orders', namespace: '' }, request, never);
  await expect(call).rejects.toThrow('code = Unavailable');
  expect(calls).toBe(1);
});
