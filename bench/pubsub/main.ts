// npm run bench:pubsub [-- --broker NAME]… [--short] [--minutes N] [--json FILE]: messages from publish to handler through the
// sidecar, beside the bare client library doing the same against the same broker in the same run. With --minutes, the sidecar's
// memory at full rate for that long instead.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { median } from '../http.ts';
import { type BenchBroker, brokers } from './brokers.ts';
import { App, SidecarWay } from './ways.ts';
import type { FlowResult } from './flow.ts';
import { type Order, steadyRate } from './orders.ts';

const { values: options } = parseArgs({
  options: {
    broker: { type: 'string', multiple: true },
    short: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    json: { type: 'string' },
  },
});

const unknown = options.broker?.find((name) => !brokers.some((broker) => broker.name === name));
if (unknown !== undefined) {
  console.error(`no broker is called ${unknown}; there are: ${brokers.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const chosen: { readonly broker: BenchBroker; readonly address: string }[] = [];
const folder = mkdtempSync(join(tmpdir(), 'outrigger-bench-'));
for (const broker of brokers) {
  if (options.broker && !options.broker.includes(broker.name)) continue;
  if (broker.onlyByName !== undefined && !options.broker) {
    console.error(`skipped: ${broker.name}: ${broker.onlyByName}`);
    continue;
  }
  const address = broker.variable === undefined ? join(folder, `${broker.name}.db`) : process.env[broker.variable];
  if (address) chosen.push({ broker, address });
  else console.error(`skipped: ${broker.name}; to have it: eval "$(e2e/backends/up.sh ${broker.name})"`);
}

const figures: Record<string, unknown> = {};
try {
  for (const { broker, address } of chosen) {
    figures[broker.name] = options.minutes
      ? await soak(broker, address, Number(options.minutes))
      : await compare(broker, address, options.short ? { seconds: 1, rounds: 1 } : { seconds: 4, rounds: 3 });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (options.json) writeFileSync(options.json, `${JSON.stringify(figures, undefined, 2)}\n`);

/** All ways in turns; each figure is the median of its rounds. */
async function compare(broker: BenchBroker, address: string, { seconds, rounds }: { seconds: number; rounds: number }) {
  await using stack = new AsyncDisposableStack();
  const bare = stack.use(await App.startBare(broker, address));
  const ways = {
    http: stack.use(await SidecarWay.start(broker, address, 'http')),
    grpc: stack.use(await SidecarWay.start(broker, address, 'grpc')),
  };
  const table: Record<string, Record<string, string | number>> = {};
  const figures = [];
  for (const mode of ['one by one', 'bulk', 'latency'] satisfies Order['mode'][]) {
    const bareResults: FlowResult[] = [];
    const results = { http: [] as FlowResult[], grpc: [] as FlowResult[] };
    const sidecarCpu = { http: [] as number[], grpc: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      bareResults.push(await bare.carryOut({ mode, seconds }));
      for (const protocol of ['http', 'grpc'] as const) {
        const { result, sidecarCpuPerMessage } = await ways[protocol].carryOut({ mode, seconds });
        results[protocol].push(result);
        sidecarCpu[protocol].push(sidecarCpuPerMessage);
      }
    }
    const other = middle(bareResults);
    for (const protocol of ['http', 'grpc'] as const) {
      const own = middle(results[protocol]);
      const sidecarMicros = median(sidecarCpu[protocol]) * 1e6;
      const ofBare = own.rate / other.rate;
      figures.push({ mode, protocol, ofBare, sidecarMicros, sidecar: own, bare: other });
      table[`${mode}, ${protocol}`] = {
        'messages/s': Math.round(own.rate),
        'bare messages/s': Math.round(other.rate),
        'of bare': mode === 'latency' ? '' : `${(ofBare * 100).toFixed(0)} %`,
        'p50 ms': own.p50Ms.toFixed(1),
        'p99 ms': own.p99Ms.toFixed(1),
        'bare p50 ms': other.p50Ms.toFixed(1),
        'bare p99 ms': other.p99Ms.toFixed(1),
        'sidecar CPU µs': Math.round(sidecarMicros),
        'bare app CPU µs': Math.round(other.cpuPerMessage * 1e6),
        duplicates: own.duplicates,
      };
    }
  }
  console.log(`\n${broker.name}: publish to handler, Node ${process.version}; latency at a steady, low rate`);
  console.table(table);
  const slow = figures.filter(({ mode, sidecar }) => mode === 'latency' && sidecar.rate < 0.9 * steadyRate);
  if (slow.length > 0) {
    console.warn(
      `the ${steadyRate} messages a second for the latencies were not reached: the machine or the server is too busy`,
    );
  }
  if (options.short) console.warn('one short, cold round: it shows that this runs, not how fast');
  return figures;
}

/** The median of each figure; of duplicates their sum. */
function middle(results: readonly FlowResult[]): FlowResult {
  const of = (name: keyof FlowResult) => median(results.map((result) => result[name]));
  return {
    rate: of('rate'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    cpuPerMessage: of('cpuPerMessage'),
    duplicates: results.reduce((sum, { duplicates }) => sum + duplicates, 0),
  };
}

/** Full rate for minutes; the sidecar's resident memory, every second. */
async function soak(broker: BenchBroker, address: string, minutes: number) {
  await using sidecar = await SidecarWay.start(broker, address, 'http');
  const samples: number[] = [];
  const timer = setInterval(() => samples.push(sidecar.residentMiB()), 1000);
  const modes: Record<string, { messages: number; firstMinuteMiB: number; lastMinuteMiB: number }> = {};
  for (const mode of ['one by one', 'bulk'] satisfies Order['mode'][]) {
    samples.length = 0;
    const { result } = await sidecar.carryOut({ mode, seconds: minutes * 60 });
    // the first ten seconds are for the caches of the engine and of V8
    const first = Math.max(...samples.slice(10, 70));
    const last = Math.max(...samples.slice(-60));
    modes[mode] = { messages: Math.round(result.rate * minutes * 60), firstMinuteMiB: first, lastMinuteMiB: last };
  }
  clearInterval(timer);
  console.log(`\n${broker.name}: ${minutes} minutes at full rate, the sidecar's peak memory`);
  console.table(modes);
  return modes;
}
