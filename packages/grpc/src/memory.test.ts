import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:http2';

import { afterAll, beforeAll, expect, it, vi } from 'vitest';

import type { BytesServerReport } from '../test/bytes-server.ts';
import { testService } from '../test/bytes-service.ts';
import { callHeaders, endHeaders, endStream, frameTypes, http2Frame, Wire } from '../test/http2-wire.ts';
import { frame } from './message-frames.ts';

let child: ChildProcess;
let port = 0;

beforeAll(async () => {
  child = fork(new URL('../test/bytes-server.ts', import.meta.url), {
    execArgv: ['--expose-gc', '--conditions=@outrigger/source'],
  });
  const [first] = (await once(child, 'message')) as [BytesServerReport];
  ({ port } = first);
}, 20_000);

afterAll(() => void child.kill());

async function report(): Promise<BytesServerReport> {
  child.send('report');
  const [told] = (await once(child, 'message')) as [BytesServerReport];
  return told;
}

const talk = callHeaders(`/${testService}/Talk`);
const ask = callHeaders(`/${testService}/Ask`);
const cancel = Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL]);
const greeting = frame(Buffer.from('hello'));

/** Opens so many streams on one connection, each with a message to be answered. */
async function openStreams(count: number): Promise<Wire> {
  const wire = await Wire.open(port);
  const frames = Array.from({ length: count }, (_, index) => {
    const id = index * 2 + 1;
    return Buffer.concat([
      http2Frame(frameTypes.headers, endHeaders, id, talk),
      http2Frame(frameTypes.data, 0, id, greeting),
    ]);
  });
  wire.send(...frames);
  return wire;
}

/** Ten thousand streams at a time, which end in different ways. */
async function manyStreams(): Promise<void> {
  const wires = await Promise.all(Array.from({ length: 5 }, () => openStreams(2000)));
  await expect.poll(async () => (await report()).working).toBe(10_000);
  for (const [index, wire] of wires.entries()) {
    if (index < 2) wire.socket.resetAndDestroy();
    else {
      const end = (id: number) =>
        index === 2
          ? http2Frame(frameTypes.reset, 0, id, cancel)
          : http2Frame(frameTypes.data, endStream, id, Buffer.alloc(0));
      wire.send(...Array.from({ length: 2000 }, (_, call) => end(call * 2 + 1)));
    }
  }
  await expect.poll(async () => (await report()).working).toBe(0);
  for (const wire of wires) wire.socket.destroy();
}

/** Callers that are gone before their answer, or before their request is whole. */
async function manyVanished(): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const wire = await Wire.open(port);
    for (let id = 1; id < 40; id += 2) {
      wire.send(
        http2Frame(frameTypes.headers, endHeaders, id, ask),
        http2Frame(frameTypes.data, id % 3 === 0 ? endStream : 0, id, greeting.subarray(0, id % 3 === 0 ? 10 : 7)),
      );
    }
    wire.socket.resetAndDestroy();
  }
}

it('ten thousand streams, and callers that vanish, leave nothing behind', async () => {
  // What a first use loads and compiles is there to stay.
  const first = await openStreams(100);
  await expect.poll(async () => (await report()).working).toBe(100);
  first.socket.resetAndDestroy();
  await expect.poll(async () => (await report()).working).toBe(0);
  const before = await report();
  await manyStreams();
  await manyVanished();
  await vi.waitFor(async () => expect((await report()).memory).toBeLessThan(before.memory * 1.2), {
    timeout: 10_000,
    interval: 200,
  });
}, 90_000);
