import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { median } from './http.ts';
import { load, type Request } from './load.ts';
import { freePort, startApp, startSidecar, Target } from './processes.ts';

export interface TwoSidecarsRow {
  readonly name: string;
  readonly requestsPerSecond: number;
  /** Share of the chain of bare proxies' rate. */
  readonly ofBare: number;
  /** CPU time of both sidecars per request, as a multiple of both proxies'. */
  readonly cpuOfBare: number;
  readonly p99Ms: number;
}

interface Measured {
  readonly requestsPerSecond: number;
  readonly cpuPerRequest: number;
  readonly p99Ms: number;
}

/** A bare proxy in front of a port. */
async function startProxy(targetPort: number): Promise<{ target: Target; port: number }> {
  const port = await freePort();
  const target = await Target.start(
    process.execPath,
    [fileURLToPath(new URL('./targets/bare-proxy.ts', import.meta.url))],
    { PORT: String(port), TARGET_PORT: String(targetPort) },
    /listening/,
  );
  return { target, port };
}

/** A configuration whose sidecars find each other through a file of their own; both are gone with the folder. */
function nameFile(): { config: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-bench-'));
  const config = join(folder, 'config.yaml');
  const nameResolution = {
    component: 'sqlite',
    version: 'v1',
    configuration: { connectionString: join(folder, 'names.db') },
  };
  const resource = {
    apiVersion: 'dapr.io/v1alpha1',
    kind: 'Configuration',
    metadata: { name: 'bench' },
    spec: { nameResolution },
  };
  // JSON is YAML.
  writeFileSync(config, JSON.stringify(resource));
  return { config, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/**
 * HTTP client → sidecar → sidecar → app, beside the same way through two bare node:http proxies. They take turns over several
 * rounds; each figure is the median of its rounds.
 */
export async function benchTwoSidecars(options: {
  connections: number;
  seconds: number;
  rounds: number;
}): Promise<TwoSidecarsRow[]> {
  const value = JSON.stringify({ id: 4711, item: 'canoe', quantity: 3, notes: 'x'.repeat(64) });
  using names = nameFile();
  await using stack = new AsyncDisposableStack();
  const app = await startApp(value);
  stack.use(app.target);
  const inner = await startProxy(app.port);
  stack.use(inner.target);
  const outer = await startProxy(inner.port);
  stack.use(outer.target);
  const callee = await startSidecar('callee', ['--app-port', String(app.port), '--config', names.config]);
  stack.use(callee.target);
  const caller = await startSidecar('caller', ['--config', names.config]);
  stack.use(caller.target);

  const ways = {
    proxies: { url: `http://127.0.0.1:${outer.port}/value`, targets: [outer.target, inner.target] },
    sidecars: { url: `${caller.url}/v1.0/invoke/callee/method/value`, targets: [caller.target, callee.target] },
  };
  const requests: Readonly<Record<string, Omit<Request, 'url'>>> = { GET: {}, POST: { method: 'POST', body: value } };
  const rounds = new Map<string, Measured[]>();
  for (let round = 0; round <= options.rounds; round++) {
    for (const [verb, request] of Object.entries(requests)) {
      for (const [way, { url, targets }] of Object.entries(ways)) {
        const cpu = () => targets.reduce((sum, target) => sum + target.cpuSeconds(), 0);
        const before = cpu();
        const result = await load({ ...request, url }, options.connections, options.seconds);
        if (result.failures > 0) throw new Error(`${verb} through ${way}: ${result.failures} requests failed`);
        // The first round is for getting warm.
        if (round === 0) continue;
        const cpuPerRequest = (cpu() - before) / (result.requestsPerSecond * options.seconds);
        const name = `${verb} ${way}`;
        rounds.set(name, [...(rounds.get(name) ?? []), { ...result, cpuPerRequest }]);
      }
    }
  }

  const figure = (name: string, read: (measured: Measured) => number) => median((rounds.get(name) ?? []).map(read));
  return Object.keys(requests).map((verb) => {
    const [bare, own] = [`${verb} proxies`, `${verb} sidecars`];
    const rate = figure(own, (measured) => measured.requestsPerSecond);
    return {
      name: `${verb} invoke, two sidecars`,
      requestsPerSecond: rate,
      ofBare: rate / figure(bare, (measured) => measured.requestsPerSecond),
      cpuOfBare: figure(own, (measured) => measured.cpuPerRequest) / figure(bare, (measured) => measured.cpuPerRequest),
      p99Ms: figure(own, (measured) => measured.p99Ms),
    };
  });
}
