import { readFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { Readable } from 'node:stream';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Sidecar } from './processes/sidecar.ts';
import { configFile, Workspace } from './processes/workspace.ts';

/** `npm run test:large` is the long form: 1 GiB. */
const size = Number(process.env['BODY_MIB'] ?? 64) * 1024 * 1024;
const piece = Buffer.alloc(64 * 1024, 'outrigger ');
/** What a process may grow by, whatever the size of a body, in MiB: windows, pieces under way and garbage not yet collected. */
const slack = 96;

function* pieces(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= piece.byteLength) yield piece.subarray(0, left);
}

async function count(stream: AsyncIterable<Buffer>): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.byteLength;
  return bytes;
}

/** The most memory that a process has held so far, in MiB (Linux; elsewhere 0). */
function peakMemory({ pid }: Sidecar): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  } catch {
    return 0;
  }
}

describe('a body of any length between two sidecars', () => {
  const workspace = new Workspace();
  let app: Server;
  let caller: Sidecar;
  let callee: Sidecar;

  beforeAll(async () => {
    app = createServer((incoming, answer) => {
      const wanted = Number(new URL(incoming.url ?? '/', 'http://app').searchParams.get('bytes') ?? 0);
      if (incoming.method === 'GET') Readable.from(pieces(wanted)).pipe(answer);
      else void count(incoming).then((bytes) => answer.end(String(bytes)));
    });
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    const { port } = app.address() as { port: number };
    const common = { config: configFile, env: workspace.env, args: ['--max-body-size', '2Gi'] };
    callee = await Sidecar.start({ appId: 'warehouse', appPort: port, ...common });
    caller = await Sidecar.start({ appId: 'harbour', ...common });
  });
  afterAll(async () => {
    await caller[Symbol.asyncDispose]();
    await callee[Symbol.asyncDispose]();
    app.close();
    workspace[Symbol.dispose]();
  });

  const upload = (bytes: number) =>
    new Promise<string>((resolve, reject) => {
      const outgoing = request(`${caller.url}/v1.0/invoke/warehouse/method/sink`, { method: 'POST' }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => resolve(text));
      });
      outgoing.on('error', reject);
      Readable.from(pieces(bytes)).pipe(outgoing);
    });

  const download = (bytes: number) =>
    new Promise<number>((resolve, reject) => {
      const path = `/v1.0/invoke/warehouse/method/source?bytes=${bytes}`;
      request(caller.url + path, (answer) => void count(answer).then(resolve, reject))
        .on('error', reject)
        .end();
    });

  it.each([
    ['up', async (bytes: number) => Number(await upload(bytes))],
    ['down', download],
  ])(
    'passes %s with flat memory',
    async (_, pass) => {
      // What grows once for every size: code, buffers, the heap's first steps.
      expect(await pass(16 * 1024 * 1024)).toBe(16 * 1024 * 1024);
      const before = [caller, callee].map(peakMemory);
      expect(await pass(size)).toBe(size);
      const grown = [caller, callee].map((sidecar, index) => Math.round(peakMemory(sidecar) - (before[index] ?? 0)));
      console.log(`memory grown by ${grown.join(' and ')} MiB, from ${before.map(Math.round).join(' and ')}`);
      expect(Math.max(...grown)).toBeLessThan(slack);
    },
    Math.max(60_000, size / 10_000),
  );
});
