import { load, type LoadResult, type Request } from './load.ts';
import { startApp, startBareServer, startSidecar, type Target } from './processes.ts';

export interface HttpRow {
  readonly name: string;
  readonly requestsPerSecond: number;
  /** Share of the bare server's GET. */
  readonly ofBareGet: number;
  /** Share of the bare server's same verb. */
  readonly ofBareSameVerb: number;
  /** CPU time of the measured process per request, as a multiple of the bare server's for the same verb. */
  readonly cpuOfBare: number;
  readonly p99Ms: number;
}

interface Measured extends LoadResult {
  readonly cpuPerRequest: number;
}

interface Case {
  readonly name: string;
  readonly target: Target;
  readonly request: Request;
}

/**
 * Throughput of the HTTP edge at `connections` connections, beside a bare node:http server with the same bytes. The cases take
 * turns over several rounds, so that a machine whose speed drifts treats them alike; each figure is the median of its rounds.
 */
export async function benchHttp(options: { connections: number; seconds: number; rounds: number }): Promise<HttpRow[]> {
  const value = JSON.stringify({ id: 4711, item: 'canoe', quantity: 3, notes: 'x'.repeat(64) });
  await using stack = new AsyncDisposableStack();
  const bare = await startBareServer(value);
  stack.use(bare.target);
  const app = await startApp(value);
  stack.use(app.target);
  const sidecar = await startSidecar('bench', ['--app-port', String(app.port)]);
  stack.use(sidecar.target);

  const saved = await fetch(`${sidecar.url}/v1.0/state/statestore`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `[{"key":"k","value":${value}}]`,
  });
  if (saved.status !== 204) throw new Error(`saving failed: ${saved.status} ${await saved.text()}`);

  const post = { method: 'POST', body: `[{"key":"k","value":${value}}]` };
  const cases: Case[] = [
    { name: 'bare GET', target: bare.target, request: { url: bare.url } },
    { name: 'bare POST', target: bare.target, request: { url: bare.url, ...post } },
    { name: 'GET state', target: sidecar.target, request: { url: `${sidecar.url}/v1.0/state/statestore/k` } },
    { name: 'POST state', target: sidecar.target, request: { url: `${sidecar.url}/v1.0/state/statestore`, ...post } },
    {
      name: 'POST publish',
      target: sidecar.target,
      request: { url: `${sidecar.url}/v1.0/publish/pubsub/orders`, method: 'POST', body: value },
    },
    { name: 'GET invoke', target: sidecar.target, request: { url: `${sidecar.url}/v1.0/invoke/bench/method/value` } },
  ];

  const rounds = new Map<string, Measured[]>(cases.map(({ name }) => [name, []]));
  for (const { request } of cases) await load(request, options.connections, Math.min(2, options.seconds));
  for (let round = 0; round < options.rounds; round++) {
    for (const { name, target, request } of cases) {
      const before = target.cpuSeconds();
      const result = await load(request, options.connections, options.seconds);
      if (result.failures > 0) throw new Error(`${name}: ${result.failures} requests failed`);
      const cpuPerRequest = (target.cpuSeconds() - before) / (result.requestsPerSecond * options.seconds);
      rounds.get(name)?.push({ ...result, cpuPerRequest });
    }
  }

  const figure = (name: string, read: (measured: Measured) => number) => median((rounds.get(name) ?? []).map(read));
  const rate = (name: string) => figure(name, (measured) => measured.requestsPerSecond);
  const cpu = (name: string) => figure(name, (measured) => measured.cpuPerRequest);
  return cases.map(({ name, request }) => {
    const sameVerb = request.method === 'POST' ? 'bare POST' : 'bare GET';
    return {
      name,
      requestsPerSecond: rate(name),
      ofBareGet: rate(name) / rate('bare GET'),
      ofBareSameVerb: rate(name) / rate(sameVerb),
      cpuOfBare: cpu(name) / cpu(sameVerb),
      p99Ms: figure(name, (measured) => measured.p99Ms),
    };
  });
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}
