import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Request {
  readonly url: string;
  readonly method?: string;
  readonly body?: string;
}

export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers outside 2xx, and connections that failed. */
  readonly failures: number;
}

/** `wrk` where it is installed, because it costs the server the least CPU; else `autocannon`. */
export const loadTool = spawnSync('wrk', ['--version']).error === undefined ? 'wrk' : 'autocannon';

/** Sends one request over and over on `connections` connections for `seconds`, from a process of its own. */
export function load(request: Request, connections: number, seconds: number): Promise<LoadResult> {
  return loadTool === 'wrk' ? wrk(request, connections, seconds) : autocannon(request, connections, seconds);
}

/** What a command prints. Rejects when it fails. */
export async function output(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const text = Buffer.concat(await child.stdout.toArray()).toString();
  const [code] = (await closed) as [number | null];
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${text}`);
  return text;
}

async function wrk({ url, method = 'GET', body }: Request, connections: number, seconds: number): Promise<LoadResult> {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-bench-'));
  const script = join(folder, 'request.lua');
  writeFileSync(
    script,
    `wrk.method = ${JSON.stringify(method)}
${body === undefined ? '' : `wrk.body = ${JSON.stringify(body)}\nwrk.headers["Content-Type"] = "application/json"`}
done = function(summary, latency)
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
`,
  );
  try {
    const text = await output('wrk', [
      '--timeout',
      '30s',
      '-t',
      '1',
      '-c',
      String(connections),
      '-d',
      `${seconds}s`,
      '-s',
      script,
      url,
    ]);
    const match = /RESULT (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(text);
    if (!match) throw new Error(`no result from wrk: ${text}`);
    const [requests = 0, micros = 1, p50 = 0, p99 = 0, failures = 0] = match.slice(1).map(Number);
    return { requestsPerSecond: requests / (micros / 1e6), p50Ms: p50 / 1000, p99Ms: p99 / 1000, failures };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function autocannon(
  { url, method = 'GET', body }: Request,
  connections: number,
  seconds: number,
): Promise<LoadResult> {
  const cli = createRequire(import.meta.url).resolve('autocannon');
  const text = await output(process.execPath, [
    cli,
    '--json',
    '--no-progress',
    '-c',
    String(connections),
    '-d',
    String(seconds),
    '-m',
    method,
    ...(body === undefined ? [] : ['-b', body, '-H', 'content-type=application/json']),
    url,
  ]);
  const result = JSON.parse(text) as {
    requests: { average: number };
    latency: { p50: number; p99: number };
    non2xx: number;
    errors: number;
  };
  return {
    requestsPerSecond: result.requests.average,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    failures: result.non2xx + result.errors,
  };
}
