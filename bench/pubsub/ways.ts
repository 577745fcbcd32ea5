import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePort, startSidecar, type Target } from '../processes.ts';
import type { BenchBroker } from './brokers.ts';
import type { FlowResult } from './flow.ts';
import type { Answer, Order } from './orders.ts';

/** An app in a process of its own that takes orders. */
export class App implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the app ended with ${String(code)}`);
    });
    this.#ended.catch(() => {}); // told to who waits for a message
  }

  /** Resolves once it takes orders, or is waiting to be {@link told} what it needs for that. */
  static async start(file: string, env: Readonly<Record<string, string>>): Promise<App> {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), { env: { ...process.env, ...env } });
    const app = new App(child);
    await app.#message();
    return app;
  }

  /** One that uses the broker's own client library. */
  static startBare(broker: BenchBroker, address: string): Promise<App> {
    const env = { ...flowEnv(broker, 'bare'), BROKER: broker.name, BROKER_ADDRESS: address };
    return App.start('./bare-app.ts', env);
  }

  /** Resolves once it takes orders. */
  async told(port: number): Promise<void> {
    this.#child.send(port);
    await this.#message();
  }

  async carryOut(order: Order): Promise<FlowResult> {
    this.#child.send(order);
    const answer = (await this.#message()) as Answer;
    if ('error' in answer) throw new Error(answer.error);
    return answer.result;
  }

  async #message(): Promise<unknown> {
    const [message] = (await Promise.race([once(this.#child, 'message'), this.#ended])) as [unknown];
    return message;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill();
    await exited;
  }
}

/** A new topic for each run, so that what an earlier one left behind does not count. */
const run = randomUUID().slice(0, 8);

function flowEnv({ window = 2000 }: BenchBroker, way: string): Readonly<Record<string, string>> {
  return { WINDOW: String(window), PUBSUB_TOPIC: `${way}-${run}` };
}

/** An app behind a sidecar, which stands before the broker. */
export class SidecarWay implements AsyncDisposable {
  readonly #app: App;
  readonly #sidecar: Target;
  readonly #folder: string;

  private constructor(app: App, sidecar: Target, folder: string) {
    this.#app = app;
    this.#sidecar = sidecar;
    this.#folder = folder;
  }

  static async start(broker: BenchBroker, address: string, protocol: 'http' | 'grpc'): Promise<SidecarWay> {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-bench-'));
    const { type, metadata } = broker.component(address);
    const resource = {
      apiVersion: 'dapr.io/v1alpha1',
      kind: 'Component',
      metadata: { name: 'pubsub' },
      spec: { type, version: 'v1', metadata: Object.entries(metadata).map(([name, value]) => ({ name, value })) },
    };
    writeFileSync(join(folder, 'pubsub.yaml'), JSON.stringify(resource)); // JSON is YAML
    const [appPort, httpPort] = [await freePort(), await freePort()];
    const env = { ...flowEnv(broker, protocol), APP_PORT: String(appPort), SIDECAR_PORT: String(httpPort) };
    const app = await App.start(protocol === 'http' ? './sidecar-app.ts' : './sidecar-grpc-app.ts', env);
    try {
      const args = protocol === 'http' ? ['--app-port', String(appPort)] : [];
      const { target, grpcPort } = await startSidecar(`bench-${protocol}`, args, { resourcesPath: folder, httpPort });
      if (protocol === 'grpc') await app.told(grpcPort);
      return new SidecarWay(app, target, folder);
    } catch (error) {
      await app[Symbol.asyncDispose]();
      throw error;
    }
  }

  async carryOut(order: Order): Promise<{ result: FlowResult; sidecarCpuPerMessage: number }> {
    const before = this.#sidecar.cpuSeconds();
    const result = await this.#app.carryOut(order);
    // the sidecar's time covers the warm-up too, which the count does not
    const messages = result.rate * (order.seconds + 1);
    return { result, sidecarCpuPerMessage: (this.#sidecar.cpuSeconds() - before) / messages };
  }

  residentMiB(): number {
    return this.#sidecar.residentMiB();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#app[Symbol.asyncDispose]();
    await this.#sidecar[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
