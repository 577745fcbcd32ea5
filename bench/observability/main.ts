// npm run bench:observability [-- --short]: what metrics and traces cost, in one run: the same sidecar with them on and off, in turns.
import { parseArgs } from 'node:util';

import { load, loadTool, type Request } from '../load.ts';
import { median } from '../http.ts';
import { freePort, startSidecar, type Target } from '../processes.ts';
import { TraceSink } from './trace-sink.ts';

const { values: options } = parseArgs({
  options: { short: { type: 'boolean', default: false }, connections: { type: 'string', default: '16' } },
});
const connections = Number(options.connections);
const [seconds, rounds] = options.short ? [1, 3] : [4, 9];
const value = JSON.stringify({ id: 4711, item: 'canoe', quantity: 3, notes: 'x'.repeat(64) });

interface Way {
  readonly name: string;
  readonly target: Target;
  readonly url: string;
}

await using stack = new AsyncDisposableStack();
const ways: Way[] = [];
const traces = stack.use(await TraceSink.start());
for (const [name, args, env] of [
  ['off', []],
  ['traces, 1 %', traces.flags(0.01), traces.env],
  ['traces, all', traces.flags(1), traces.env],
  ['metrics', ['--enable-metrics=true', '--metrics-port', String(await freePort())]],
  // the same as the first: what two equal sidecars differ by is what the figures are good to
  ['off again', []],
] as const) {
  const { target, url } = await startSidecar('bench', args, { env: env ?? {} });
  stack.use(target);
  ways.push({ name, target, url });
}

const requests: Readonly<Record<string, (url: string) => Request>> = {
  'GET state': (url) => ({ url: `${url}/v1.0/state/statestore/k` }),
  'POST publish': (url) => ({ url: `${url}/v1.0/publish/pubsub/orders`, method: 'POST', body: value }),
};
for (const { url } of ways) {
  const saved = await fetch(`${url}/v1.0/state/statestore`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `[{"key":"k","value":${value}}]`,
  });
  if (saved.status !== 204) throw new Error(`saving failed: ${saved.status} ${await saved.text()}`);
}

console.log(`${connections} connections, ${loadTool}, Node ${process.version}`);
for (const [name, request] of Object.entries(requests)) {
  const measured = new Map<string, { rate: number; cpu: number }[]>(ways.map((way) => [way.name, []]));
  for (const { url } of ways) await load(request(url), connections, 1);
  for (let round = 0; round < rounds; round++) {
    // each goes first in turn
    for (let index = 0; index < ways.length; index++) {
      const way = ways[(index + round) % ways.length];
      if (way === undefined) continue;
      const before = way.target.cpuSeconds();
      const result = await load(request(way.url), connections, seconds);
      if (result.failures > 0) throw new Error(`${name}, ${way.name}: ${result.failures} requests failed`);
      const cpu = (way.target.cpuSeconds() - before) / (result.requestsPerSecond * seconds);
      measured.get(way.name)?.push({ rate: result.requestsPerSecond, cpu });
    }
  }
  const of = (way: string, read: (one: { rate: number; cpu: number }) => number) =>
    median((measured.get(way) ?? []).map(read));
  const percent = (share: number) => `${((share - 1) * 100).toFixed(1)} %`;
  console.log(name);
  console.table(
    Object.fromEntries(
      ways.map((way) => [
        way.name,
        {
          'req/s': Math.round(of(way.name, ({ rate }) => rate)),
          'rate, to off': percent(of(way.name, ({ rate }) => rate) / of('off', ({ rate }) => rate)),
          'CPU per request, to off': percent(of(way.name, ({ cpu }) => cpu) / of('off', ({ cpu }) => cpu)),
        },
      ]),
    ),
  );
}
