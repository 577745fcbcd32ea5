// npm run bench [-- --short] [-- --json FILE]: every figure of the hot paths in one run, as ratios to a bare node:http server or to
// a bare `node -e 0`. Prints a table; with --json it also writes the figures to a file.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { benchGrpc } from './grpc.ts';
import { benchHttp } from './http.ts';
import { benchInstallSize } from './install-size.ts';
import { benchLibrary } from './library.ts';
import { loadTool } from './load.ts';
import { benchStart } from './start.ts';

const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    json: { type: 'string' },
    connections: { type: 'string', default: '16' },
  },
});
const connections = Number(options.connections);

const http = await benchHttp({ connections, seconds: options.short ? 1 : 5, rounds: options.short ? 1 : 5 });
const grpc = await benchGrpc({ seconds: options.short ? 1 : 4, rounds: options.short ? 1 : 5 });
const libraryRate = await benchLibrary(options.short ? 0.5 : 3);
const start = await benchStart(options.short ? 3 : 15);
const size = options.short ? undefined : benchInstallSize();

const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
console.log(`\nHTTP edge, ${connections} connections, ${loadTool}, Node ${process.version}`);
console.table(
  Object.fromEntries(
    http.map((row) => [
      row.name,
      {
        'req/s': Math.round(row.requestsPerSecond),
        'of bare GET': percent(row.ofBareGet),
        'of bare, same verb': percent(row.ofBareSameVerb),
        'CPU per request ÷ bare': row.cpuOfBare.toFixed(2),
        'p99 ms': row.p99Ms.toFixed(2),
      },
    ]),
  ),
);
console.log('gRPC: GetState on memory, beside a bare grpc-js server, on one connection');
console.table(
  Object.fromEntries(
    grpc.map((row) => [
      `${row.concurrency} at a time`,
      {
        'req/s': Math.round(row.requestsPerSecond),
        'bare req/s': Math.round(row.bareRequestsPerSecond),
        'of bare': percent(row.ofBare),
        'CPU per request ÷ bare': row.cpuOfBare.toFixed(2),
        'p99 ms': row.p99Ms.toFixed(2),
        'bare p99 ms': row.bareP99Ms.toFixed(2),
      },
    ]),
  ),
);
const sidecarGet = http.find((row) => row.name === 'GET state')?.requestsPerSecond ?? NaN;
console.log(`library-mode state get ÷ sidecar's GET state: ${(libraryRate / sidecarGet).toFixed(1)}`);
console.log(
  `start to /v1.0/healthz 204 ÷ bare node -e 0: ${(start.healthzMs / start.bareNodeMs).toFixed(2)} (${start.healthzMs.toFixed(0)} ms, ${start.bareNodeMs.toFixed(0)} ms)`,
);
console.log(`resident memory after the start: ${start.residentMiB.toFixed(0)} MiB`);
if (size)
  console.log(
    `installed size of sidecar + two components: ${size.mebibytes.toFixed(1)} MiB in ${size.packageCount} packages`,
  );
if (options.json)
  writeFileSync(
    options.json,
    `${JSON.stringify({ loadTool, connections, http, grpc, libraryRate, start, size }, undefined, 2)}\n`,
  );
