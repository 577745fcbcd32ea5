// npm run bench:invoke [-- --short] [-- --json FILE]: an app called through two sidecars, plain and with mTLS, beside a direct call
// and beside two bare proxies in a row, at 1, 16 and 64 connections, in one run.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { median } from '../http.ts';
import { load, loadTool, type LoadResult, type Request } from '../load.ts';
import { type Way, Ways } from './ways.ts';

const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const rounds = options.short ? 1 : 5;
const seconds = options.short ? 1 : 4;
const value = JSON.stringify({ id: 4711, item: 'canoe', quantity: 3, notes: 'x'.repeat(64) });
const verbs: Readonly<Record<string, Omit<Request, 'url'>>> = { GET: {}, POST: { method: 'POST', body: value } };

interface Measured extends LoadResult {
  /** Seconds of the processes between client and app. */
  readonly cpuPerRequest: number;
}

interface Row {
  readonly verb: string;
  readonly connections: number;
  readonly way: Way['name'];
  readonly requestsPerSecond: number;
  /** Share of the two proxies' rate. */
  readonly ofProxies: number;
  /** CPU time per request, as a multiple of the two proxies'. */
  readonly cpuOfProxies: number;
  /** Milliseconds more than the direct call takes. */
  readonly addedP50Ms: number;
  readonly addedP99Ms: number;
}

async function measure({ url, between }: Way, request: Omit<Request, 'url'>, connections: number): Promise<Measured> {
  const cpu = () => between.reduce((sum, target) => sum + target.cpuSeconds(), 0);
  const before = cpu();
  const result = await load({ ...request, url }, connections, seconds);
  if (result.failures > 0) throw new Error(`${request.method ?? 'GET'} ${url}: ${result.failures} requests failed`);
  return { ...result, cpuPerRequest: (cpu() - before) / (result.requestsPerSecond * seconds) };
}

/** The ways take turns over several rounds, so that a machine whose speed drifts treats them alike; figures are medians. */
async function rowsFor(ways: readonly Way[], verb: string, connections: number): Promise<Row[]> {
  const request = verbs[verb] ?? {};
  const measured = new Map<Way['name'], Measured[]>(ways.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const way of ways) measured.get(way.name)?.push(await measure(way, request, connections));
  const figure = (way: Way['name'], of: keyof Measured) => median((measured.get(way) ?? []).map((one) => one[of]));
  return ways.map(({ name: way }) => ({
    verb,
    connections,
    way,
    requestsPerSecond: figure(way, 'requestsPerSecond'),
    ofProxies: figure(way, 'requestsPerSecond') / figure('two proxies', 'requestsPerSecond'),
    cpuOfProxies: figure(way, 'cpuPerRequest') / figure('two proxies', 'cpuPerRequest'),
    addedP50Ms: figure(way, 'p50Ms') - figure('direct', 'p50Ms'),
    addedP99Ms: figure(way, 'p99Ms') - figure('direct', 'p99Ms'),
  }));
}

const rows: Row[] = [];
{
  await using ways = await Ways.start(value);
  for (const way of ways.all)
    for (const request of Object.values(verbs)) await load({ ...request, url: way.url }, 16, options.short ? 1 : 3);
  for (const connections of [1, 16, 64])
    for (const verb of Object.keys(verbs)) rows.push(...(await rowsFor(ways.all, verb, connections)));
}

const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
console.log(`\napp to app through two sidecars, ${loadTool}, Node ${process.version}`);
console.table(
  Object.fromEntries(
    rows.map((row) => [
      `${row.verb}, ${row.connections} connections, ${row.way}`,
      {
        'req/s': Math.round(row.requestsPerSecond),
        'of two proxies': percent(row.ofProxies),
        'CPU ÷ two proxies': row.way === 'direct' ? '' : row.cpuOfProxies.toFixed(2),
        'p50 added, ms': row.addedP50Ms.toFixed(2),
        'p99 added, ms': row.addedP99Ms.toFixed(2),
      },
    ]),
  ),
);
if (options.json) writeFileSync(options.json, `${JSON.stringify({ loadTool, rows }, undefined, 2)}\n`);
