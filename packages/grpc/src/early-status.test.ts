import { once } from 'node:events';
import { connect, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';

import { expect, it, onTestFinished } from 'vitest';

import { bytesMethod, serviceOf, testService } from '../test/bytes-service.ts';
import { serveGrpc } from '../test/called.ts';
import { earlyStatus } from './early-status.ts';
import { GrpcClient } from './grpc-client.ts';
import { frame } from './message-frames.ts';
import { GrpcError, stream } from './service.ts';

const talk = bytesMethod('Talk', 'both');
const path = `/${testService}/Talk`;

/** Returns its answer instead of yielding it. */
async function* answerAtOnce(requests: AsyncIterable<Buffer>): AsyncGenerator<Buffer, Buffer> {
  const [request = Buffer.alloc(0)] = (await Readable.from(requests).toArray()) as Buffer[];
  if (request.toString() === 'fail') throw new GrpcError('ABORTED', 'no');
  if (request.toString() === 'two') yield Buffer.from('first');
  return Buffer.from('last');
}

/** What is on the wire of a call. */
async function wireOf(address: string, request: string, more: Record<string, string>) {
  const session = connect(`http://${address}`);
  onTestFinished(() => session.destroy());
  const call = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', ...more });
  let trailers: unknown;
  call.once('trailers', (got: unknown) => (trailers = got));
  call.end(frame(Buffer.from(request)));
  const [headers] = (await once(call, 'response')) as [Record<string, string>];
  const body = Buffer.concat((await call.toArray()) as Buffer[]).toString('latin1');
  return { headers, body, trailers };
}

it('stands ahead of the only message for who asks for it, and in the trailers for all others', async () => {
  const { port } = await serveGrpc({ services: [serviceOf(stream(talk, answerAtOnce))] });
  const address = `127.0.0.1:${port}`;
  const asked = await wireOf(address, 'one', { [earlyStatus]: '1' });
  expect(asked.headers[earlyStatus]).toBe('0');
  expect(asked.trailers).toBeUndefined();
  expect(asked.body).toBe(frame(Buffer.from('last')).toString('latin1'));

  const others = await wireOf(address, 'one', {});
  expect(others.headers).not.toHaveProperty(earlyStatus);
  expect(others.trailers).toMatchObject({ 'grpc-status': '0' });
  expect(others.body).toBe(asked.body);
});

it('comes after several messages, or with an error, as it always does', async () => {
  const { port } = await serveGrpc({ services: [serviceOf(stream(talk, answerAtOnce))] });
  const address = `127.0.0.1:${port}`;
  const two = await wireOf(address, 'two', { [earlyStatus]: '1' });
  expect(two.headers).not.toHaveProperty(earlyStatus);
  expect(two.trailers).toMatchObject({ 'grpc-status': '0' });
  const failed = await wireOf(address, 'fail', { [earlyStatus]: '1' });
  expect(failed.headers).toMatchObject({ 'grpc-status': '10', 'grpc-message': 'no' });
});

it.each(['one', 'two', 'fail'])('makes no difference to who reads the call: %s', async (request) => {
  const { port } = await serveGrpc({ services: [serviceOf(stream(talk, answerAtOnce))] });
  const address = `127.0.0.1:${port}`;
  const outcomes = [];
  for (const asks of [true, false]) {
    const client = new GrpcClient({ address, earlyStatus: asks });
    onTestFinished(() => client.close());
    await client.connected();
    const call = client.call(path, {});
    call.end(Buffer.from(request));
    const headers = await call.headers();
    const messages: string[] = [];
    for (let got = await call.read(); got !== undefined; got = await call.read()) messages.push(got.toString());
    outcomes.push({ headers, messages, status: call.status });
  }
  expect(outcomes[0]).toEqual(outcomes[1]);
});

it('counts for nothing when the message does not come whole', async () => {
  const server = createServer();
  server.on('stream', (call) => {
    call.on('error', () => {});
    call.respond({ ':status': 200, 'content-type': 'application/grpc', [earlyStatus]: '0' });
    call.write(frame(Buffer.from('last')).subarray(0, 7), () => call.close(2));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const client = new GrpcClient({
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    earlyStatus: true,
  });
  onTestFinished(() => client.close());
  await client.connected();
  const call = client.call(path, {});
  call.end(Buffer.from('one'));
  expect(await call.read()).toBeUndefined();
  expect(call.status).toMatchObject({ status: 'INTERNAL' });
});
