// Starts both apps, each with its sidecar, places one order and shows every step. Stays up for a few curl lines until
// Ctrl-C; with --once it ends after the order.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs, styleText } from 'node:util';

const here = fileURLToPath(new URL('.', import.meta.url));
const command = fileURLToPath(new URL('../../node_modules/.bin/outrigger-sidecar', import.meta.url));
const children: ChildProcess[] = [];
let stopping = false;

/** The wanted port when it is free, else any. */
async function port(wanted: number): Promise<number> {
  const server = createServer();
  try {
    for (const candidate of [wanted, 0]) {
      const listening = once(server, 'listening');
      server.listen(candidate, '127.0.0.1');
      try {
        await listening;
        return (server.address() as { port: number }).port;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      }
    }
    throw new Error('no port is free');
  } finally {
    server.close();
  }
}

type Color = 'cyan' | 'magenta' | 'gray' | 'red';

function start(name: string, color: Color, file: string, args: string[], env: Record<string, string>): ChildProcess {
  const child = spawn(file, args, { cwd: here, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const label = styleText(color, name.padEnd(18));
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', (line) => console.log(`${label} ${line}`));
  }
  child.once('exit', (code, signal) => {
    if (stopping) return;
    console.error(styleText('red', `${name} ended unexpectedly (${code ?? signal})`));
    void stop(1);
  });
  return child;
}

async function stop(exitCode: number): Promise<never> {
  stopping = true;
  const running = children.filter((child) => child.exitCode === null && child.signalCode === null);
  const ended = running.map((child) => once(child, 'exit'));
  for (const child of running) child.kill('SIGTERM');
  await Promise.all(ended);
  process.exit(exitCode);
}

/** Waits until the sidecar and its app are ready. */
async function healthy(httpPort: number): Promise<void> {
  const deadline = AbortSignal.timeout(20_000);
  for (;;) {
    deadline.throwIfAborted();
    const response = await fetch(`http://127.0.0.1:${httpPort}/v1.0/healthz`).catch(() => undefined);
    if (response?.status === 204) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

function step(text: string): void {
  console.log(`\n${styleText('bold', text)}`);
}

async function app(name: string, color: Color, httpPort: number): Promise<number> {
  const [appPort, grpcPort] = [await port(0), await port(0)];
  start(
    `${name} sidecar`,
    'gray',
    command,
    [
      '--app-id',
      name,
      '--app-port',
      String(appPort),
      '--resources-path',
      'resources',
      '--config',
      'config.yaml',
      '--dapr-http-port',
      String(httpPort),
      '--dapr-grpc-port',
      String(grpcPort),
      '--enable-metrics=false',
      '--log-level',
      'warn',
    ],
    {},
  );
  start(name, color, process.execPath, [`${name}/app.ts`], {
    APP_PORT: String(appPort),
    DAPR_HTTP_PORT: String(httpPort),
  });
  await healthy(httpPort);
  return httpPort;
}

const { values: options } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop(0));
process.once('uncaughtException', (error) => {
  console.error(error);
  void stop(1);
});

mkdirSync(`${here}.data`, { recursive: true });
step('1. Two apps start, each with its sidecar; SQLite files stand in for store, broker and name service');
const checkout = await port(3500);
const inventory = await port(checkout === 3501 ? 3502 : 3501);
await Promise.all([app('checkout', 'cyan', checkout), app('inventory', 'magenta', inventory)]);
console.log(`checkout's sidecar listens on ${checkout}, inventory's on ${inventory}`);

step('2. An order comes in: checkout calls inventory, saves the order, publishes it; inventory receives it');
const arrived = new Promise<void>((resolve) => {
  const inventoryApp = children.find((child) => child.spawnargs.includes('inventory/app.ts'));
  inventoryApp?.stdout?.on('data', (chunk: Buffer) => chunk.includes('arrived') && resolve());
});
const response = await fetch(`http://127.0.0.1:${checkout}/v1.0/invoke/checkout/method/checkout`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ item: 'canoe', quantity: 1 }),
});
const order = (await response.json()) as { id: string };
if (!response.ok) throw new Error(`the order failed with ${response.status}: ${JSON.stringify(order)}`);
await arrived;

step('3. The order is in the store');
const stored = await fetch(`http://127.0.0.1:${checkout}/v1.0/state/statestore/${order.id}`);
console.log(`${stored.status} ${await stored.text()}`);

if (options.once) await stop(0);
step('Try it yourself (Ctrl-C ends everything):');
console.log(`  curl -X POST localhost:${checkout}/v1.0/invoke/checkout/method/checkout -H 'content-type: application/json' -d '{"item":"paddle","quantity":2}'
  curl localhost:${checkout}/v1.0/state/statestore/${order.id}
  curl localhost:${checkout}/v1.0/invoke/inventory/method/stock/canoe
  curl -X POST localhost:${checkout}/v1.0/publish/pubsub/orders -H 'content-type: application/json' -d '{"id":"by-hand","item":"canoe","quantity":1}'
  curl localhost:${inventory}/v1.0/metadata
`);
