import { fileURLToPath } from 'node:url';

import { Child } from '../processes/child.ts';
import { freePorts } from '../processes/ports.ts';
import { Sidecar } from '../processes/sidecar.ts';
import { configFile, Workspace } from '../processes/workspace.ts';

const app = fileURLToPath(new URL('./app.ts', import.meta.url));

/** An app with its sidecar, each a process. */
export class Instance implements AsyncDisposable {
  readonly app: Child;
  readonly sidecar: Sidecar;

  private constructor(own: Child, sidecar: Sidecar) {
    this.app = own;
    this.sidecar = sidecar;
  }

  static async start(name: string, env: Readonly<Record<string, string>>): Promise<Instance> {
    const [port = 0] = await freePorts(1);
    const own = new Child(process.execPath, [app], { env: { ...process.env, PORT: String(port), INSTANCE: name } });
    try {
      await own.line(/listening/);
      return new Instance(own, await Sidecar.start({ appId: 'orders', appPort: port, config: configFile, env }));
    } catch (error) {
      await own[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** As a deployment stops it: the sidecar first, which ends when all it has taken is answered, then the app. */
  async leave(): Promise<void> {
    await this.sidecar.stop();
    await this.app.stop();
  }

  /** As a machine that loses its power. */
  async kill(): Promise<void> {
    await Promise.all([this.sidecar.stop('SIGKILL'), this.app.stop('SIGKILL')]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sidecar[Symbol.asyncDispose]();
    await this.app[Symbol.asyncDispose]();
  }
}

/** Three instances of `orders`, and the sidecar of `shop`, which calls them. */
export class Scene implements AsyncDisposable {
  readonly instances: Instance[] = [];
  readonly shop: Sidecar;
  readonly #workspace: Workspace;
  #started = 0;

  private constructor(shop: Sidecar, workspace: Workspace) {
    this.shop = shop;
    this.#workspace = workspace;
  }

  static async start(): Promise<Scene> {
    const workspace = new Workspace();
    const shop = await Sidecar.start({ appId: 'shop', config: configFile, env: workspace.env });
    const scene = new Scene(shop, workspace);
    try {
      for (let count = 0; count < 3; count++) scene.instances.push(await scene.newInstance());
      return scene;
    } catch (error) {
      await scene[Symbol.asyncDispose]();
      throw error;
    }
  }

  newInstance(): Promise<Instance> {
    return Instance.start(`instance ${++this.#started}`, this.#workspace.env);
  }

  /** Replaces each instance by a new one, one after the other. */
  async roll(): Promise<void> {
    for (const [index, old] of this.instances.entries()) {
      await old.leave();
      this.instances[index] = await this.newInstance();
    }
  }

  /** Starts a new instance where one has died. */
  async replace(index: number): Promise<void> {
    await this.instances[index]?.[Symbol.asyncDispose]();
    this.instances[index] = await this.newInstance();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of [...this.instances, this.shop]) await one[Symbol.asyncDispose]();
    this.#workspace[Symbol.dispose]();
  }
}
