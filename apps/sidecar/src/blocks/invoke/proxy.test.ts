import {
  type Client,
  type ClientDuplexStream,
  Metadata,
  type MetadataValue,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type StatusObject,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { policy, retry, silentLogger, timeout } from '@outrigger/core';
import { HttpAppChannel, type InvocationOptions } from '@outrigger/runtime';
import { describe, expect, it } from 'vitest';

import { listenGrpcApp, type ProxyHalfOptions, startProxyHalf } from '../../../test/proxy-half.ts';
import { settled } from '../../../test/settled.ts';
import { Directory } from '../../../test/sidecar-half.ts';

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Answer = sendUnaryData<Buffer>;

const service = 'shop.v1.Orders';
const details = Buffer.from([8, 5, 18, 2, 110, 111]);

interface Seen {
  readonly metadata: Record<string, MetadataValue>[];
  readonly cancelled: string[];
  calls: number;
}

/** An app that has a method of each kind, and what it saw. */
async function startApp(more: (seen: Seen) => UntypedServiceImplementation = () => ({})) {
  const seen: Seen = { metadata: [], cancelled: [], calls: 0 };
  const port = await listenGrpcApp(service, {
    unary: (call: Unary, answer: Answer) => {
      seen.calls++;
      seen.metadata.push(call.metadata.getMap());
      const text = call.request.toString();
      call.on('cancelled', () => seen.cancelled.push(text));
      if (text === 'hang') return;
      const initial = new Metadata();
      initial.set('x-initial', 'first');
      initial.set('x-initial-bin', Buffer.from([0, 255]));
      call.sendMetadata(initial);
      const trailers = new Metadata();
      trailers.set('x-trailer', 'last');
      if (text !== 'fail') return answer(null, Buffer.from(`got ${text}`), trailers);
      trailers.set('grpc-status-details-bin', details);
      answer({ code: status.FAILED_PRECONDITION, details: 'nö', metadata: trailers });
    },
    serverStream: (call: ServerWritableStream<Buffer, Buffer>) => {
      for (let index = 0; index < 3; index++) call.write(Buffer.from(`${call.request.toString()} ${index}`));
      call.end();
    },
    clientStream: (call: ServerReadableStream<Buffer, Buffer>, answer: Answer) => {
      const received: string[] = [];
      call.on('data', (message: Buffer) => received.push(message.toString()));
      call.on('end', () => answer(null, Buffer.from(received.join('+'))));
    },
    bidi: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (message: Buffer) => call.write(Buffer.from(`echo ${message.toString()}`)));
      call.on('end', () => call.end());
      call.on('cancelled', () => seen.cancelled.push('bidi'));
    },
    ...more(seen),
  });
  return { port, seen };
}

interface Outcome {
  readonly messages: string[];
  readonly initial: Metadata | undefined;
  readonly status: StatusObject;
}

function open(
  client: Client,
  method: string,
  metadata: Readonly<Record<string, string>>,
  options = {},
): ClientDuplexStream<Buffer, Buffer> & { readonly outcome: Promise<Outcome>; readonly messages: string[] } {
  const sent = new Metadata();
  for (const [name, value] of Object.entries(metadata)) sent.add(name, value);
  const same = (bytes: Buffer): Buffer => bytes;
  const call = client.makeBidiStreamRequest(`/${service}/${method}`, same, same, sent, options);
  const messages: string[] = [];
  let initial: Metadata | undefined;
  call.on('metadata', (received: Metadata) => (initial = received));
  call.on('data', (message: Buffer) => messages.push(message.toString()));
  call.on('error', () => {});
  const outcome = new Promise<Outcome>((resolve) => {
    call.on('status', (end: StatusObject) => resolve({ messages, initial, status: end }));
  });
  return Object.assign(call, { outcome, messages });
}

function ask(client: Client, method: string, texts: readonly string[], metadata: Record<string, string>, options = {}) {
  const call = open(client, method, metadata, options);
  for (const text of texts) call.write(Buffer.from(text));
  call.end();
  return call.outcome;
}

/** Two sidecars: `checkout`, whose client is at hand, and `orders` with the app. */
async function startBoth(caller: Partial<ProxyHalfOptions> = {}, callee: Partial<ProxyHalfOptions> = {}) {
  const { port, seen } = await startApp();
  const directory = new Directory();
  const common = { directory, maxMessageSize: 4 * 1024 * 1024 };
  const orders = await startProxyHalf({ appId: 'orders', grpcAppPort: port, ...common, ...callee });
  const checkout = await startProxyHalf({ appId: 'checkout', ...common, ...caller });
  return { seen, client: checkout.client, own: orders.client, internal: orders.peer, directory };
}

const toOrders = { 'dapr-app-id': 'orders' };

describe.each(['another app', 'the own app'])('a call to %s', (which) => {
  const start = async () => {
    const { client, own, seen } = await startBoth();
    return { client: which === 'the own app' ? own : client, seen };
  };

  it('comes back with message, metadata and trailers', async () => {
    const { client } = await start();
    const answer = await ask(client, 'unary', ['canoe'], toOrders);
    expect(answer.messages).toEqual(['got canoe']);
    expect(answer.initial?.get('x-initial')).toEqual(['first']);
    expect(answer.initial?.get('x-initial-bin')).toEqual([Buffer.from([0, 255])]);
    expect(answer.status).toMatchObject({ code: status.OK });
    expect(answer.status.metadata.get('x-trailer')).toEqual(['last']);
  });

  it('fails as the app has failed, details and trailers included', async () => {
    const { client } = await start();
    const { status: end, messages } = await ask(client, 'unary', ['fail'], toOrders);
    expect(messages).toEqual([]);
    expect(end).toMatchObject({ code: status.FAILED_PRECONDITION, details: 'nö' });
    expect(end.metadata.get('grpc-status-details-bin')).toEqual([details]);
    expect(end.metadata.get('x-trailer')).toEqual(['last']);
  });

  it('streams from the app, to the app, and both ways in turn', async () => {
    const { client } = await start();
    expect((await ask(client, 'serverStream', ['n'], toOrders)).messages).toEqual(['n 0', 'n 1', 'n 2']);
    expect((await ask(client, 'clientStream', ['a', 'b', 'c'], toOrders)).messages).toEqual(['a+b+c']);

    const call = open(client, 'bidi', toOrders);
    for (const turn of ['one', 'two', 'three']) {
      call.write(Buffer.from(turn));
      await expect.poll(() => call.messages.at(-1)).toBe(`echo ${turn}`);
    }
    call.end();
    expect((await call.outcome).status.code).toBe(status.OK);
  });

  it('is told to the app when its time is up, and when the caller leaves', async () => {
    const { client, seen } = await start();
    const late = await ask(client, 'unary', ['hang'], toOrders, { deadline: Date.now() + 100 });
    expect(late.status.code).toBe(status.DEADLINE_EXCEEDED);
    await expect.poll(() => seen.cancelled).toEqual(['hang']);

    const call = open(client, 'bidi', toOrders);
    call.write(Buffer.from('here'));
    await expect.poll(() => call.messages).toEqual(['echo here']);
    call.cancel();
    await expect.poll(() => seen.cancelled).toEqual(['hang', 'bidi']);
  });

  it('reaches a method that the app lacks as the app answers it', async () => {
    const { client } = await start();
    expect((await ask(client, 'missing', ['x'], toOrders)).status.code).toBe(status.UNIMPLEMENTED);
  });
});

it('the app learns who calls, and nothing that is for sidecars', async () => {
  const { client, seen } = await startBoth({ appToken: 'of the caller' }, { appToken: 'for the app' });
  await ask(client, 'unary', ['x'], {
    ...toOrders,
    'dapr-api-token': 'secret',
    'dapr-caller-app-id': 'somebody else',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'x-own': 'mine',
  });
  const [metadata] = seen.metadata;
  expect(metadata).toMatchObject({
    'dapr-caller-app-id': 'checkout',
    'dapr-caller-namespace': 'default',
    'dapr-callee-app-id': 'orders',
    'dapr-api-token': 'for the app',
    'x-own': 'mine',
  });
  expect(metadata?.['traceparent']).toContain('0af7651916cd43dd8448eb211c80319c');
  expect(metadata).not.toHaveProperty('dapr-app-id');
});

it('without a target there is nowhere to go', async () => {
  const { client } = await startBoth();
  expect((await ask(client, 'unary', ['x'], {})).status).toMatchObject({
    code: status.UNKNOWN,
    details: 'failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found',
  });
});

it('an app that is nowhere, one that speaks no gRPC, and a name that cannot be one are told apart', async () => {
  const { client } = await startBoth();
  const to = async (target: string) => (await ask(client, 'unary', ['x'], { 'dapr-app-id': target })).status;
  expect(await to('nobody')).toMatchObject({
    code: status.UNAVAILABLE,
    details: expect.stringContaining("couldn't find service: nobody"),
  });
  expect(await to('checkout')).toMatchObject({
    code: status.UNAVAILABLE,
    details: expect.stringContaining('app channel'),
  });
  for (const target of ['a.b.c', 'a b', 'a/b', 'http://x']) {
    expect(await to(target), target).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: `failed to invoke, id: ${target}, err: invalid app id ${target}`,
    });
  }
});

it('an app that speaks HTTP alone cannot be called, and the caller learns what to do', async () => {
  const directory = new Directory();
  const web = new HttpAppChannel({ appId: 'web', port: 1, logger: silentLogger });
  const { client: own } = await startProxyHalf({ appId: 'web', directory, app: web });
  const { client } = await startProxyHalf({ appId: 'checkout', directory });
  for (const each of [own, client]) {
    expect((await ask(each, 'unary', ['x'], { 'dapr-app-id': 'web' })).status).toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('start its sidecar with --app-protocol grpc'),
    });
  }
});

it('a sidecar takes no calls that are meant for another app', async () => {
  const { client, directory } = await startBoth();
  directory.addresses.set('payments', directory.addresses.get('orders') ?? []);
  expect((await ask(client, 'unary', ['x'], { 'dapr-app-id': 'payments' })).status).toMatchObject({
    code: status.UNAVAILABLE,
    details: expect.stringContaining('this is the sidecar of orders'),
  });
});

it('a method between sidecars that is not there yet is not taken for one of the app', async () => {
  const { internal } = await startBoth();
  const [message, bytes] = [Buffer.alloc(0), (same: Buffer): Buffer => same];
  const call = new Promise((resolve, reject) => {
    const path = '/dapr.proto.internals.v1.ServiceInvocation/CallActor';
    internal.makeUnaryRequest(path, bytes, bytes, message, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
  await expect(call).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
});

it('an address that is down is passed over', async () => {
  const { client, directory } = await startBoth();
  const [alive = ''] = directory.addresses.get('orders') ?? [];
  directory.addresses.set('orders', ['127.0.0.1:1', alive]);
  for (const text of ['a', 'b'])
    expect((await ask(client, 'unary', [text], toOrders)).messages).toEqual([`got ${text}`]);
});

it('messages are bounded as the sidecar says', async () => {
  const { client } = await startBoth({ maxMessageSize: 1024 }, { maxMessageSize: 1024 });
  const { status: end } = await ask(client, 'unary', ['x'.repeat(2000)], toOrders);
  expect(end.code).toBe(status.RESOURCE_EXHAUSTED);
});

describe('a policy', () => {
  const policies = (...layers: Parameters<typeof policy>[0]): InvocationOptions['policies'] => ({
    generation: 0,
    hasApp: () => true,
    serviceRetry: retry({ maxRetries: 0 }),
    app: (_, outcome = {}) => {
      const { isFinal, statusOf, discard } = outcome;
      const once = policy<never>(layers, {
        judgeResult: (result) => (statusOf?.(result) && !isFinal?.(result) ? 'retryable' : 'success'),
        ...(discard && { discard }),
      });
      return () => once;
    },
  });

  async function startFlaky(failures: number, caller: InvocationOptions['policies']) {
    const { port, seen } = await startApp((state) => ({
      bidi: (call: ServerDuplexStream<Buffer, Buffer>) => {
        const attempt = ++state.calls;
        const received: string[] = [];
        call.on('data', (message: Buffer) => received.push(message.toString()));
        call.on('end', () => {
          if (attempt <= failures) {
            call.emit('error', { code: status.UNAVAILABLE, details: `attempt ${attempt}` });
            return;
          }
          call.write(Buffer.from(`${attempt}: ${received.join()}`));
          call.end();
        });
      },
    }));
    const directory = new Directory();
    await startProxyHalf({ appId: 'orders', grpcAppPort: port, directory });
    const { client } = await startProxyHalf({ appId: 'checkout', directory, policies: caller });
    return { client, seen };
  }

  it('makes a call again that failed before anything was answered, with its message', async () => {
    const { client } = await startFlaky(2, policies(retry({ maxRetries: 3, duration: 1 })));
    expect((await ask(client, 'bidi', ['canoe'], toOrders)).messages).toEqual(['3: canoe']);
  });

  it('hands the last failure on', async () => {
    const { client, seen } = await startFlaky(9, policies(retry({ maxRetries: 2, duration: 1 })));
    const { status: end } = await ask(client, 'bidi', ['canoe'], toOrders);
    expect(end).toMatchObject({ code: status.UNAVAILABLE, details: 'attempt 3' });
    expect(seen.calls).toBe(3);
  });

  it('does not make a call again whose messages are gone', async () => {
    const { client, seen } = await startFlaky(9, policies(retry({ maxRetries: 2, duration: 1 })));
    const { status: end } = await ask(client, 'bidi', ['one', 'two'], toOrders);
    expect(end).toMatchObject({ code: status.UNAVAILABLE, details: 'attempt 1' });
    expect(seen.calls).toBe(1);
  });

  it('limits the time until something is answered, and not the stream', async () => {
    const { seen, client } = await startBoth({ policies: policies(timeout(100)) });
    const { status: end } = await ask(client, 'unary', ['hang'], toOrders);
    expect(end.code).toBe(status.DEADLINE_EXCEEDED);
    await expect.poll(() => seen.cancelled).toEqual(['hang']);

    const call = open(client, 'bidi', toOrders);
    call.write(Buffer.from('first'));
    await expect.poll(() => call.messages).toEqual(['echo first']);
    await new Promise((resolve) => setTimeout(resolve, 150));
    call.write(Buffer.from('second'));
    call.end();
    expect(await call.outcome).toMatchObject({ messages: ['echo first', 'echo second'], status: { code: status.OK } });
  });
});

it('a reader that is slow makes the app wait, and gets all in the end', async () => {
  const size = 64 * 1024;
  const total = 256;
  let written = 0;
  const { port } = await startApp(() => ({
    bidi: (call: ServerDuplexStream<Buffer, Buffer>) => {
      const send = (): void => {
        while (written < total) {
          written++;
          if (!call.write(Buffer.alloc(size))) {
            call.once('drain', send);
            return;
          }
        }
        call.end();
      };
      call.on('data', () => {});
      send();
    },
  }));
  const directory = new Directory();
  await startProxyHalf({ appId: 'orders', grpcAppPort: port, directory });
  const { client } = await startProxyHalf({ appId: 'checkout', directory });
  const call = open(client, 'bidi', toOrders);
  call.pause();
  call.write(Buffer.from('go'));
  call.end();
  await settled(() => written);
  expect(written).toBeLessThan(total / 2);
  call.resume();
  const { messages, status: end } = await call.outcome;
  expect(end.code).toBe(status.OK);
  expect(messages).toHaveLength(total);
});
