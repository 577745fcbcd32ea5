import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import type { Child } from './processes/child.ts';
import { Sidecar } from './processes/sidecar.ts';
import { resourcesOf, Workspace } from './processes/workspace.ts';

const dapr = '/dapr.proto.runtime.v1.Dapr';

/** A field of a protobuf message that holds text or another message; both shorter than 128 bytes. */
function field(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

const getState = framed(Buffer.concat([field(1, 'statestore'), field(2, 'k')]));
const subscribe = framed(field(1, Buffer.concat([field(1, 'pubsub'), field(2, 'orders')])));

function begin(session: ClientHttp2Session, method: string, headers: Record<string, string> = {}): ClientHttp2Stream {
  const call = session.request(
    { ':method': 'POST', ':path': `${dapr}/${method}`, 'content-type': 'application/grpc', te: 'trailers', ...headers },
    { endStream: false },
  );
  call.on('error', () => {});
  return call;
}

/** A process's memory, seen from outside by the debugger's protocol. */
class Inspector implements AsyncDisposable {
  readonly #socket: WebSocket;
  #id = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  static async attach(process: Child): Promise<Inspector> {
    const [, url = ''] = await process.line(/Debugger listening on (ws:\S+)/);
    const socket = new WebSocket(url);
    await once(socket, 'open');
    return new Inspector(socket);
  }

  /** Bytes in use after everything was collected that could be. */
  async usedMemory(): Promise<number> {
    await this.#ask('HeapProfiler.collectGarbage');
    const { usedSize = NaN, backingStorageSize = 0 } = await this.#ask('Runtime.getHeapUsage');
    return usedSize + backingStorageSize;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  async #ask(method: string): Promise<Partial<Record<string, number>>> {
    const id = ++this.#id;
    this.#socket.send(JSON.stringify({ id, method }));
    for (;;) {
      const [{ data }] = (await once(this.#socket, 'message')) as [{ readonly data: string }];
      const answer = JSON.parse(data) as { id?: number; result: Partial<Record<string, number>> };
      if (answer.id === id) return answer.result;
    }
  }
}

/** The status that a call ends with. */
async function statusOf(call: ClientHttp2Stream): Promise<string | undefined> {
  let status: string | undefined;
  const read = (headers: Record<string, unknown>) => {
    const value = headers['grpc-status'];
    if (typeof value === 'string') status = value;
  };
  call.on('response', read).on('trailers', read).resume();
  await once(call, 'close');
  return status;
}

describe('the gRPC API', () => {
  const workspace = new Workspace();
  let sidecar: Sidecar;

  beforeAll(async () => {
    sidecar = await Sidecar.start({
      appId: 'target',
      resourcesPath: resourcesOf('memory'),
      env: { ...workspace.env, NODE_OPTIONS: '--inspect=127.0.0.1:0' },
    });
  });
  afterAll(async () => {
    await sidecar[Symbol.asyncDispose]();
    workspace[Symbol.dispose]();
  });

  function session(): ClientHttp2Session {
    const made = connectHttp2(`http://127.0.0.1:${sidecar.grpcPort}`);
    made.on('error', () => {});
    onTestFinished(() => made.destroy());
    return made;
  }

  it.each([
    ['HTTP/1.1', 'GET /v1.0/healthz HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['nonsense', '\x00\x01\x02 nonsense\r\n\r\n'],
    ['a broken preface', 'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'],
    ['nothing', ''],
  ])('%s on its port does not end the process', async (_name, bytes) => {
    const socket = connect(sidecar.grpcPort, '127.0.0.1');
    await once(socket, 'connect');
    socket.end(bytes);
    await once(socket.resume(), 'close');
    const call = begin(session(), 'GetState');
    call.end(getState);
    expect(await statusOf(call)).toBe('0');
  });

  it('messages over --max-body-size, methods that are unknown and other content are refused', async () => {
    const connection = session();
    const tooLong = begin(connection, 'SaveState');
    tooLong.write(Buffer.from([0, 0x7f, 0, 0, 0]));
    const unknown = begin(connection, 'MakeCoffee');
    unknown.end(getState);
    const json = begin(connection, 'GetState', { 'content-type': 'application/json' });
    json.end('{}');
    expect(await Promise.all([tooLong, unknown, json].map(statusOf))).toEqual(['8', '12', '3']);
  });

  it('ten thousand subscriptions whose callers vanish leave nothing behind', async () => {
    await using inspector = await Inspector.attach(sidecar);
    const round = async () => {
      const sessions = Array.from({ length: 5 }, session);
      const calls = sessions.flatMap((each) =>
        Array.from({ length: 2000 }, () => begin(each, 'SubscribeTopicEventsAlpha1')),
      );
      const answered = calls.map((call) => once(call, 'data'));
      for (const call of calls) call.write(subscribe);
      await Promise.all(answered);
      for (const [index, each] of sessions.entries()) {
        if (index > 0) each.destroy();
      }
      for (const call of calls.slice(0, 2000)) call.close(constants.NGHTTP2_CANCEL);
    };
    const before = await inspector.usedMemory();
    await round();
    await vi.waitFor(async () => expect(await inspector.usedMemory()).toBeLessThan(before * 1.2), {
      timeout: 30_000,
      interval: 250,
    });
    const call = begin(session(), 'GetState');
    call.end(getState);
    expect(await statusOf(call)).toBe('0');
  }, 90_000);
});

it('listens on a Unix socket in the folder that is named', async () => {
  using workspace = new Workspace();
  await using sidecar = await Sidecar.start({
    appId: 'hidden',
    resourcesPath: resourcesOf('memory'),
    env: workspace.env,
    args: ['--unix-domain-socket', workspace.path],
  });
  const socket = connect(join(workspace.path, 'dapr-hidden-grpc.socket'));
  const session = connectHttp2('http://localhost', { createConnection: () => socket });
  const call = begin(session, 'GetState');
  call.end(getState);
  expect(await statusOf(call)).toBe('0');
  session.destroy();
  expect(sidecar.running).toBe(true);
});

it('asks for the API token, and denies what the Configuration denies', async () => {
  using workspace = new Workspace();
  const config = workspace.file(
    'config.yaml',
    'apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec:\n  api: {denied: [{name: metadata, version: v1, protocol: grpc}]}\n',
  );
  await using sidecar = await Sidecar.start({
    appId: 'guarded',
    config,
    resourcesPath: resourcesOf('memory'),
    env: { ...workspace.env, DAPR_API_TOKEN: 'sesame' },
    args: ['--enable-api-logging'],
  });
  const session = connectHttp2(`http://127.0.0.1:${sidecar.grpcPort}`);
  const ask = (method: string, headers: Record<string, string>) => {
    const call = begin(session, method, headers);
    call.end(method === 'GetState' ? getState : framed(Buffer.alloc(0)));
    return statusOf(call);
  };
  const token = { 'dapr-api-token': 'sesame' };
  expect(await ask('GetState', {})).toBe('16');
  expect(await ask('GetState', { 'dapr-api-token': 'wrong' })).toBe('16');
  expect(await ask('GetState', token)).toBe('0');
  expect(await ask('GetMetadata', token)).toBe('12');
  await sidecar.line(/gRPC API Called.*GetMetadata/);
  session.destroy();
});

it('at its end it takes no new calls, and lets those in flight end', async () => {
  using workspace = new Workspace();
  await using sidecar = await Sidecar.start({
    appId: 'leaving',
    resourcesPath: resourcesOf('memory'),
    env: workspace.env,
  });
  const session = connectHttp2(`http://127.0.0.1:${sidecar.grpcPort}`);
  session.on('error', () => {});
  const inFlight = begin(session, 'GetState');
  inFlight.write(getState.subarray(0, 7));
  // On the same connection, so that the other call is there once this one is answered.
  const first = begin(session, 'GetState');
  first.end(getState);
  expect(await statusOf(first)).toBe('0');
  const goodbye = once(session, 'goaway');
  const stopped = sidecar.stop();
  expect((await goodbye)[0]).toBe(constants.NGHTTP2_NO_ERROR);
  inFlight.end(getState.subarray(7));
  expect(await statusOf(inFlight)).toBe('0');
  expect(await stopped).toEqual({ code: 0, signal: null });
});
