import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Child } from '../processes/child.ts';
import { freePorts } from '../processes/ports.ts';
import { Sidecar } from '../processes/sidecar.ts';
import type { AppOptions } from './app.ts';

const program = fileURLToPath(new URL('app.ts', import.meta.url));

/** For a machine that is busy. */
const patienceMs = 60_000;

export interface ReplicaOptions {
  readonly name: string;
  readonly appId: string;
  readonly app: Omit<AppOptions, 'name' | 'port'>;
  readonly resourcesPath: string;
}

/** An instance of an app: its process, and that of its sidecar. Each can be ended and started again, at the same ports. */
export class Replica implements AsyncDisposable {
  readonly #options: ReplicaOptions;
  readonly #ports: readonly number[];
  #app: Child | undefined;
  #sidecar: Sidecar | undefined;
  #logs = '';

  private constructor(options: ReplicaOptions, ports: readonly number[]) {
    this.#options = options;
    this.#ports = ports;
  }

  static async start(options: ReplicaOptions): Promise<Replica> {
    const replica = new Replica(options, await freePorts(3));
    try {
      await replica.startApp();
      await replica.startSidecar();
      return replica;
    } catch (error) {
      await replica[Symbol.asyncDispose]();
      throw error;
    }
  }

  get httpPort(): number {
    return this.#ports[1] ?? 0;
  }

  get name(): string {
    return this.#options.name;
  }

  async startApp(): Promise<void> {
    const { name, app } = this.#options;
    const options: AppOptions = { ...app, name, port: this.#ports[0] ?? 0 };
    this.#app = new Child(process.execPath, [program, JSON.stringify(options)], { stdin: 'pipe' });
    await this.#app.line(/listening/);
  }

  async killApp(): Promise<void> {
    await this.#app?.stop('SIGKILL');
    this.#log('app', this.#app);
    this.#app = undefined;
  }

  /** Resolves once it has all its subscriptions. */
  async startSidecar(): Promise<void> {
    const { appId, resourcesPath } = this.#options;
    const [appPort = 0, httpPort = 0, grpcPort = 0] = this.#ports;
    this.#sidecar = await Sidecar.launch({ appId, appPort, httpPort, grpcPort, resourcesPath });
    await this.#sidecar.line(/dapr initialized\. Status: Running/, patienceMs);
    const wanted = this.#options.app.subscriptions.length;
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const response = await this.#sidecar.fetch('/v1.0/metadata');
      const { subscriptions = [] } = (await response.json()) as { subscriptions?: object[] };
      if (subscriptions.length >= wanted) return;
      if (performance.now() > deadline) {
        const errors = this.#sidecar.output.split('\n').filter((text) => text.includes('level=error'));
        throw new Error(`${this.name} has ${subscriptions.length} of ${wanted} subscriptions: ${errors.join('; ')}`);
      }
      await delay(50);
    }
  }

  /** Resolves once it has ended. One that was told to end, and ends otherwise than it should, is an error. */
  async stopSidecar(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const sidecar = this.#sidecar;
    this.#sidecar = undefined;
    if (!sidecar) return;
    const exit = await Promise.race([sidecar.stop(signal), delay(patienceMs, undefined, { ref: false })]);
    if (!exit) await sidecar.stop('SIGKILL');
    this.#log('sidecar', sidecar);
    if (signal === 'SIGTERM' && exit?.code !== 0) {
      const how = exit
        ? `ended with ${exit.code ?? exit.signal}`
        : `did not end within ${patienceMs / 1000} s of SIGTERM`;
      throw new Error(`the sidecar of ${this.name} ${how}:\n${sidecar.output.slice(-4000)}`);
    }
  }

  /** Everything that its processes have printed. */
  get logs(): string {
    return `${this.#logs}${this.#sidecar?.output ?? ''}${this.#app?.output ?? ''}`;
  }

  #log(what: string, child: Child | undefined): void {
    this.#logs += `${child?.output ?? ''}--- the ${what} of ${this.name} has ended\n`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sidecar?.[Symbol.asyncDispose]();
    await this.#app?.stop('SIGKILL');
  }
}
