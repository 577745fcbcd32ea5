import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

import { median } from './http.ts';
import { freePort, sidecarCommand, startSidecar } from './processes.ts';

export interface StartFigures {
  /** Milliseconds of `node -e 0`. */
  readonly bareNodeMs: number;
  /** Milliseconds from start to the first 204 of `/v1.0/healthz`. */
  readonly healthzMs: number;
  readonly residentMiB: number;
}

/** Time from start to healthy, beside a bare `node -e 0`, taken in turns; and memory after the start. */
export async function benchStart(rounds: number): Promise<StartFigures> {
  const bare: number[] = [];
  const healthy: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const begin = performance.now();
    spawnSync(process.execPath, ['-e', '0']);
    const bareMs = performance.now() - begin;
    const healthyMs = await timeToHealthy();
    // the first round warms the caches of the file system and of compiled code
    if (round === 0) continue;
    bare.push(bareMs);
    healthy.push(healthyMs);
  }
  const sidecar = await startSidecar('memory');
  await using target = sidecar.target;
  return { bareNodeMs: median(bare), healthzMs: median(healthy), residentMiB: target.residentMiB() };
}

async function timeToHealthy(): Promise<number> {
  const [port, grpcPort] = [await freePort(), await freePort()];
  const resources = fileURLToPath(new URL('./resources', import.meta.url));
  const begin = performance.now();
  const child = spawn(
    sidecarCommand,
    [
      '--app-id',
      'start',
      '--dapr-http-port',
      String(port),
      '--dapr-grpc-port',
      String(grpcPort),
      '--enable-metrics=false',
      '--resources-path',
      resources,
    ],
    { stdio: 'ignore' },
  );
  const exited = once(child, 'exit');
  while (!(await answers204(port))) {
    if (child.exitCode !== null) throw new Error('the sidecar did not start');
    if (performance.now() - begin > 20_000) throw new Error('the sidecar was not healthy within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const elapsed = performance.now() - begin;
  child.kill('SIGTERM');
  await exited;
  return elapsed;
}

/** One raw request, so that the client's own start-up does not count. */
async function answers204(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.end('GET /v1.0/healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    return chunk.toString().startsWith('HTTP/1.1 204');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
