import { fileURLToPath } from 'node:url';

import { loadPackageDefinition, Server, ServerCredentials, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

import { Sidecar, type SidecarOptions } from '../processes/sidecar.ts';
import { configFile, Workspace } from '../processes/workspace.ts';
import { ScriptedApp } from './scripted-app.ts';

const proto = fileURLToPath(new URL('../proto/canoes/v1/canoes.proto', import.meta.url));
const loaded = loadPackageDefinition(loadSync(proto, { keepCase: true, longs: Number })) as unknown as {
  readonly canoes: { readonly v1: { readonly Canoes: ServiceClientConstructor } };
};

export const { Canoes } = loaded.canoes.v1;

/** An app whose methods answer with codes of gRPC, one after the other: `14,14,0` as the name that is asked for. */
class ScriptedGrpcApp implements AsyncDisposable {
  readonly #server = new Server();
  readonly arrivals: number[] = [];
  port = 0;

  static async start(): Promise<ScriptedGrpcApp> {
    const app = new ScriptedGrpcApp();
    app.#server.addService(Canoes.service, {
      Get: (call: { request: { name: string } }, answer: (error: object | null, value?: object) => void) => {
        const codes = call.request.name.split(',').map(Number);
        const code = codes[app.arrivals.length] ?? codes.at(-1) ?? 0;
        app.arrivals.push(performance.now());
        if (code === 0) answer(null, { name: 'served', number: app.arrivals.length });
        else answer({ code, details: `code ${code}` });
      },
    });
    app.port = await new Promise<number>((resolve, reject) => {
      app.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    return app;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}

export interface Scene extends AsyncDisposable {
  readonly app: ScriptedApp;
  readonly grpcApp: ScriptedGrpcApp;
  readonly workspace: Workspace;
  /** Has the policies, and an app of its own for what components bring in. */
  readonly caller: Sidecar;
  /** The sidecar of the app `flaky`. */
  readonly flaky: Sidecar;
  readonly metricsUrl: string;
  /** Calls a target through the caller's sidecar, under a policy of the caller's. */
  invoke(target: string, path: string): Promise<Response>;
}

/** Sidecars around both apps. `resources` is the YAML of the caller, with the port of the app put in for `APP_PORT`. */
export async function startScene(resources: string, subscriptions: readonly object[]): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  try {
    const app = stack.use(await ScriptedApp.start());
    const grpcApp = stack.use(await ScriptedGrpcApp.start());
    app.subscriptions = subscriptions;
    const workspace = stack.use(new Workspace());
    workspace.file('caller.yaml', resources.replaceAll('APP_PORT', String(app.port)));
    const args = ['--enable-metrics=true', '--metrics-port', '0'];
    const started = async (options: SidecarOptions): Promise<Sidecar> =>
      stack.use(await Sidecar.start({ config: configFile, env: workspace.env, ...options }));
    const [caller, flaky] = await Promise.all([
      started({ appId: 'caller', appPort: app.port, resourcesPath: workspace.path, args }),
      started({ appId: 'flaky', appPort: app.port }),
      started({ appId: 'rpc', appPort: grpcApp.port, args: ['--app-protocol', 'grpc'] }),
    ]);
    const [, metricsPort = ''] = await caller.line(/metrics server is listening on port (\d+)/);
    return {
      app,
      grpcApp,
      workspace,
      caller,
      flaky,
      metricsUrl: `http://127.0.0.1:${metricsPort}`,
      invoke: (target, path) => caller.fetch(`/v1.0/invoke/${target}/method${path}`),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
