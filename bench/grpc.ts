import { fileURLToPath } from 'node:url';

import { DaprDefinition, type GetStateRequest, type GetStateResponse } from '@outrigger/protocol/runtime';

import { median } from './http.ts';
import { output } from './load.ts';
import { freePort, startSidecar, Target } from './processes.ts';

export interface GrpcRow {
  /** Calls at a time, on one connection. */
  readonly concurrency: number;
  readonly requestsPerSecond: number;
  readonly bareRequestsPerSecond: number;
  /** Share of the bare server's rate. */
  readonly ofBare: number;
  /** CPU time of the sidecar per call, as a multiple of the bare server's. */
  readonly cpuOfBare: number;
  readonly p99Ms: number;
  readonly bareP99Ms: number;
}

interface Measured {
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
  readonly cpuPerRequest: number;
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const { getState } = DaprDefinition.methods;
const path = `/${DaprDefinition.fullName}/GetState`;
const question: GetStateRequest = { storeName: 'statestore', key: 'k', consistency: 0, metadata: {} };

/**
 * GetState on memory over gRPC, beside a bare grpc-js server that answers the same message, both called by the same client. They take
 * turns over several rounds; each figure is the median of its rounds.
 */
export async function benchGrpc(options: { seconds: number; rounds: number }): Promise<GrpcRow[]> {
  const value = JSON.stringify({ id: 4711, item: 'canoe', quantity: 3, notes: 'x'.repeat(64) });
  await using stack = new AsyncDisposableStack();
  const sidecar = await startSidecar('bench');
  stack.use(sidecar.target);
  const saved = await fetch(`${sidecar.url}/v1.0/state/statestore`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `[{"key":"k","value":${value}}]`,
  });
  if (saved.status !== 204) throw new Error(`saving failed: ${saved.status} ${await saved.text()}`);
  const etag = (await fetch(`${sidecar.url}/v1.0/state/statestore/k`)).headers.get('etag') ?? '';
  const port = await freePort();
  const bare = await Target.start(
    process.execPath,
    [here('./targets/grpc-bare-server.ts')],
    { PORT: String(port), BENCH_VALUE: value, BENCH_ETAG: etag },
    /listening/,
  );
  stack.use(bare);
  const answer: GetStateResponse = { data: Buffer.from(value), etag, metadata: {} };

  const measure = async (target: Target, on: number, concurrency: number, seconds: number): Promise<Measured> => {
    const before = target.cpuSeconds();
    const result = await load(on, answer, concurrency, seconds);
    return { ...result, cpuPerRequest: (target.cpuSeconds() - before) / result.requests };
  };
  const rows: GrpcRow[] = [];
  for (const concurrency of [64, 16, 1]) {
    const ours: Measured[] = [];
    const theirs: Measured[] = [];
    if (rows.length === 0) {
      await measure(bare, port, concurrency, Math.min(2, options.seconds));
      await measure(sidecar.target, sidecar.grpcPort, concurrency, Math.min(2, options.seconds));
    }
    for (let round = 0; round < options.rounds; round++) {
      theirs.push(await measure(bare, port, concurrency, options.seconds));
      ours.push(await measure(sidecar.target, sidecar.grpcPort, concurrency, options.seconds));
    }
    rows.push(rowOf(concurrency, ours, theirs));
  }
  return rows.toReversed();
}

function rowOf(concurrency: number, ours: readonly Measured[], theirs: readonly Measured[]): GrpcRow {
  const figure = (from: readonly Measured[], name: keyof Measured) => median(from.map((each) => each[name]));
  const rate = figure(ours, 'requestsPerSecond');
  const bareRate = figure(theirs, 'requestsPerSecond');
  return {
    concurrency,
    requestsPerSecond: rate,
    bareRequestsPerSecond: bareRate,
    ofBare: rate / bareRate,
    cpuOfBare: figure(ours, 'cpuPerRequest') / figure(theirs, 'cpuPerRequest'),
    p99Ms: figure(ours, 'p99Ms'),
    bareP99Ms: figure(theirs, 'p99Ms'),
  };
}

interface Load {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
  readonly failures: number;
}

/** Calls GetState from a process of its own. Every answer has to be the expected one. */
async function load(port: number, answer: GetStateResponse, concurrency: number, seconds: number): Promise<Load> {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const order = {
    port,
    path,
    request: base64(getState.requestType.encode(question).finish()),
    answer: base64(getState.responseType.encode(answer).finish()),
    concurrency,
    seconds,
  };
  const text = await output(process.execPath, [here('./targets/grpc-load.ts'), JSON.stringify(order)]);
  const result = JSON.parse(text) as Load;
  if (result.failures > 0) throw new Error(`GetState at port ${port}: ${result.failures} calls failed`);
  return result;
}
