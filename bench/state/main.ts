// npm run bench:state [-- --store NAME]… [--short] [--json FILE]: get and set through the sidecar at 1, 16 and 64 connections, beside
// the store's own client library behind a bare node:http server, on the same server in the same run.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { median } from '../http.ts';
import { load, type LoadResult, loadTool, type Request } from '../load.ts';
import { freePort, here, startSidecar, Target } from '../processes.ts';
import { type BenchStore, stores } from './stores.ts';

interface Row {
  readonly store: string;
  readonly operation: string;
  readonly connections: number;
  readonly perSecond: number;
  readonly barePerSecond: number;
  /** Share of the bare server's rate. */
  readonly ofBare: number;
  /** CPU time of the process per request, as a multiple of the bare server's. */
  readonly cpuOfBare: number;
  readonly p99Ms: number;
  readonly bareP99Ms: number;
}

interface Side {
  readonly target: Target;
  readonly get: Request;
  readonly set: Request;
}

const { values: options } = parseArgs({
  options: {
    store: { type: 'string', multiple: true },
    short: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const unknown = options.store?.find((name) => !stores.some((store) => store.name === name));
if (unknown !== undefined) {
  console.error(`no store is called ${unknown}; there are: ${stores.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const value = JSON.stringify({ id: 4711, item: 'canoe', quantity: 3, notes: 'x'.repeat(64) });
const body = `[{"key":"bench","value":${value}}]`;
const { seconds, rounds } = options.short ? { seconds: 1, rounds: 1 } : { seconds: 4, rounds: 5 };

const rows: Row[] = [];
for (const store of stores) {
  if (options.store && !options.store.includes(store.name)) continue;
  const address = process.env[store.variable];
  if (address) rows.push(...(await compare(store, address)));
  else console.error(`skipped: ${store.name}; to have it: eval "$(e2e/backends/up.sh ${store.name})"`);
}
if (options.json) writeFileSync(options.json, `${JSON.stringify(rows, undefined, 2)}\n`);

/** Both sides in turns, so that a machine whose speed drifts treats them alike; each figure is the median of its rounds. */
async function compare(store: BenchStore, address: string): Promise<Row[]> {
  await using stack = new AsyncDisposableStack();
  const sides = { bare: await startBare(store, address, stack), sidecar: await startOwn(store, address, stack) };
  for (const { set } of Object.values(sides)) await load(set, 16, Math.min(2, seconds));
  const found: Row[] = [];
  for (const operation of ['get', 'set'] as const) {
    for (const connections of [1, 16, 64]) {
      const results = { bare: [] as Measured[], sidecar: [] as Measured[] };
      for (let round = 0; round < rounds; round++) {
        for (const name of ['bare', 'sidecar'] as const) {
          results[name].push(await measure(sides[name].target, sides[name][operation], connections));
        }
      }
      const figure = (name: keyof typeof results, key: keyof Measured) => median(results[name].map((one) => one[key]));
      const [perSecond, barePerSecond] = [figure('sidecar', 'requestsPerSecond'), figure('bare', 'requestsPerSecond')];
      found.push({
        store: store.name,
        operation,
        connections,
        perSecond,
        barePerSecond,
        ofBare: perSecond / barePerSecond,
        cpuOfBare: figure('sidecar', 'cpuPerRequest') / figure('bare', 'cpuPerRequest'),
        p99Ms: figure('sidecar', 'p99Ms'),
        bareP99Ms: figure('bare', 'p99Ms'),
      });
    }
  }
  console.log(
    `\n${store.name}: state over HTTP beside its own client behind node:http; ${loadTool}, Node ${process.version}`,
  );
  console.table(
    Object.fromEntries(
      found.map((row) => [
        `${row.operation}, ${row.connections} connections`,
        {
          'req/s': Math.round(row.perSecond),
          'bare req/s': Math.round(row.barePerSecond),
          'of bare': `${(row.ofBare * 100).toFixed(0)} %`,
          'CPU per request ÷ bare': row.cpuOfBare.toFixed(2),
          'p99 ms': row.p99Ms.toFixed(2),
          'bare p99 ms': row.bareP99Ms.toFixed(2),
        },
      ]),
    ),
  );
  if (options.short) console.warn('one short, cold round: it shows that this runs, not how fast');
  return found;
}

interface Measured extends LoadResult {
  readonly cpuPerRequest: number;
}

async function measure(target: Target, request: Request, connections: number): Promise<Measured> {
  const before = target.cpuSeconds();
  const result = await load(request, connections, seconds);
  if (result.failures > 0) throw new Error(`${request.method ?? 'GET'} ${request.url}: ${result.failures} failed`);
  return { ...result, cpuPerRequest: (target.cpuSeconds() - before) / (result.requestsPerSecond * seconds) };
}

async function startBare({ name }: BenchStore, address: string, stack: AsyncDisposableStack): Promise<Side> {
  const port = await freePort();
  const target = await Target.start(
    process.execPath,
    [here('./state/bare-app.ts')],
    { PORT: String(port), BENCH_STORE: name, BENCH_ADDRESS: address },
    /listening/,
  );
  const url = `http://127.0.0.1:${port}/`;
  return { target: stack.use(target), get: { url }, set: { url, method: 'POST', body } };
}

async function startOwn(store: BenchStore, address: string, stack: AsyncDisposableStack): Promise<Side> {
  const resourcesPath = mkdtempSync(join(tmpdir(), 'outrigger-bench-'));
  stack.defer(() => rmSync(resourcesPath, { recursive: true, force: true }));
  const { metadata, ...spec } = store.component(address);
  const component = {
    apiVersion: 'dapr.io/v1alpha1',
    kind: 'Component',
    metadata: { name: 'statestore' },
    spec: { ...spec, metadata: Object.entries(metadata).map(([name, text]) => ({ name, value: text })) },
  };
  writeFileSync(join(resourcesPath, 'statestore.yaml'), JSON.stringify(component));
  const { target, url } = await startSidecar('bench', [], { resourcesPath });
  return {
    target: stack.use(target),
    get: { url: `${url}/v1.0/state/statestore/bench` },
    set: { url: `${url}/v1.0/state/statestore`, method: 'POST', body },
  };
}
