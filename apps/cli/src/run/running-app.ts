import type { IncomingMessage } from 'node:http';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage } from '@outrigger/core';
import { askApi, isSuccess } from '../instances/ask-api.ts';
import { type ApiAddress, httpAddress } from '../instances/find-api.ts';
import type { Instance } from '../instances/instance.ts';
import type { Registry } from '../instances/registry.ts';
import { UserError } from '../user-error.ts';
import type { AppSettings } from './app-settings.ts';
import { ProcessGroup } from './group.ts';
import type { Keeper } from './keeper.ts';
import { Lines } from './lines.ts';
import { sidecarCommand } from './sidecar-command.ts';

export interface RunContext {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly registry: Registry;
  readonly keeper: Keeper;
  /** Of the command, not of an app. */
  readonly say: (line: string) => void;
  /** Aborts when the user has had enough of waiting for an orderly end. */
  readonly impatience: AbortSignal;
  /** Further environment of the sidecars, such as where traces go. */
  readonly sidecarEnv?: Readonly<Record<string, string>>;
}

const colors = ['cyan', 'magenta', 'yellow', 'green', 'blue'] as const;
/** What a sidecar has for what is in flight, and what an app has for its end. */
const graceMs = { sidecar: 10_000, app: 5000 };

/** One app and its sidecar, from their start to their end. */
export class RunningApp implements AsyncDisposable {
  readonly settings: AppSettings;
  readonly #context: RunContext;
  readonly #parts = new AsyncDisposer();
  readonly #freePorts: readonly number[];
  readonly #index: number;
  #sidecar: ProcessGroup | undefined;
  #app: ProcessGroup | undefined;
  #api: ApiAddress | undefined;
  #isEnding = false;
  #sidecarLines: Lines | undefined;

  /**
   * `freePorts`: three, for what the settings leave open. `index`: its place among those of the same command, for its colour.
   */
  constructor(settings: AppSettings, context: RunContext, freePorts: readonly number[], index: number) {
    this.settings = settings;
    this.#context = context;
    this.#freePorts = freePorts;
    this.#index = index;
  }

  /** Resolves to an exit code once the app has ended, or its sidecar, which is a failure. The rest goes on. Call it after {@link start}. */
  async ended(): Promise<number> {
    const say = (what: string, code: number) => {
      if (!this.#isEnding) this.#context.say(`${what} has ended with exit code ${code}`);
    };
    const { appId } = this.settings;
    const sidecar = this.#sidecar?.exited.then((code) => {
      say(`the sidecar of ${appId}`, code);
      return code || 1;
    });
    const app = this.#app?.exited.then((code) => {
      say(appId, code);
      return code;
    });
    return Promise.race([sidecar, app].filter((one) => one !== undefined));
  }

  /** Starts the sidecar, and once its API answers, the app. Rejects with a {@link UserError} when either cannot start. */
  async start(): Promise<void> {
    const { settings } = this;
    const { env, home, registry, keeper } = this.#context;
    const [http = 0, grpc = 0, metrics = 0] = this.#freePorts;
    const ports = {
      http: settings.httpPort ?? http,
      grpc: settings.grpcPort ?? grpc,
      metrics: settings.metricsPort ?? metrics,
    };
    const socketFolder = settings.sidecarFlags.get('unix-domain-socket');
    const started = new Date();
    const sidecarLines = (this.#sidecarLines = this.#lines('daprd', started));
    const appLines = this.#lines('app', started);
    const { command, resourcesPaths, configPaths, notice } = sidecarCommand(settings, ports, home);
    if (notice !== undefined) this.#context.say(`${settings.appId}: ${notice}`);

    const shared = { ...env, ...settings.env };
    this.#sidecar = await ProcessGroup.start(command, {
      folder: settings.folder,
      env: { DAPR_HOST_IP: '127.0.0.1', ...shared, ...this.#context.sidecarEnv },
      keeper,
      onLine: sidecarLines.write,
    });
    const instance: Instance = {
      appId: settings.appId,
      cliPid: process.pid,
      sidecarPid: this.#sidecar.pid,
      httpPort: ports.http,
      grpcPort: ports.grpc,
      unixDomainSocket: socketFolder === undefined ? undefined : resolve(settings.folder, socketFolder),
      metricsPort: ports.metrics,
      appPort: settings.appPort,
      appProtocol: settings.sidecarFlags.get('app-protocol'),
      command: settings.command,
      runTemplateName: settings.template?.name,
      runTemplatePath: settings.template?.path,
      resourcesPaths,
      configPaths,
      appLogPath: appLines.path,
      sidecarLogPath: sidecarLines.path,
      startedAt: started.toISOString(),
    };
    this.#api = { at: httpAddress(instance), headers: tokenHeader(env) };
    const file = registry.fileOf(instance);
    keeper.tell({ file });
    this.#parts.add(() => {
      registry.remove(instance);
      keeper.tell({ file, gone: true });
    });
    registry.add(instance);
    await this.#answers('/v1.0/healthz/outbound');

    if (settings.command.length > 0) {
      this.#app = await ProcessGroup.start(settings.command, {
        folder: settings.folder,
        env: { ...shared, ...appEnvironment(settings, ports) },
        keeper,
        onLine: appLines.write,
      });
      registry.add({ ...instance, appPid: this.#app.pid });
    }
    await this.#tellMetadata();
  }

  /** Resolves once the sidecar has connected the app. Rejects when either has ended before. */
  healthy(): Promise<void> {
    return this.#answers('/v1.0/healthz');
  }

  /** Ends the app, then the sidecar, which by then has nothing more in flight, then what belongs to them. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { impatience } = this.#context;
    this.#isEnding = true;
    await this.#app?.stop(graceMs.app, impatience);
    await this.#sidecar?.stop(graceMs.sidecar, impatience);
    await this.#parts[Symbol.asyncDispose]();
  }

  #lines(what: 'app' | 'daprd', started: Date): Lines {
    const { appId, folder, appLogDestination, sidecarLogDestination } = this.settings;
    const time = started
      .toISOString()
      .replaceAll(/[-:]|\.\d+Z/g, '')
      .replace('T', '');
    const lines = new Lines({
      prefix: `== ${what === 'app' ? 'APP' : 'DAPR'} - ${appId} == `,
      color: what === 'app' ? (colors[this.#index % colors.length] ?? 'cyan') : 'gray',
      destination: what === 'app' ? appLogDestination : sidecarLogDestination,
      file: join(folder, '.dapr', 'logs', `${appId}_${what}_${time}.log`),
    });
    this.#parts.add(() => lines[Symbol.asyncDispose]());
    return lines;
  }

  /** Why the sidecar has ended, by its own words. */
  get #reasons(): string[] {
    const { recent = [], path } = this.#sidecarLines ?? {};
    const fatal = recent.flatMap((line) => {
      const text = /level=fatal msg=("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
      return text === undefined ? [] : [JSON.parse(text) as string];
    });
    return fatal.length > 0 ? fatal : [...recent.slice(-3), ...(path === undefined ? [] : [`its log is ${path}`])];
  }

  async #answers(path: string): Promise<void> {
    const { appId } = this.settings;
    for (;;) {
      const response = await this.#ask('GET', path).catch(() => undefined);
      if (response && isSuccess(response)) return;
      if (this.#sidecar?.isRunning === false) {
        await this.#sidecar.exited;
        throw new UserError([`the sidecar of ${appId} could not start`, ...this.#reasons].join('\n'));
      }
      if (this.#app?.isRunning === false) throw new UserError(`${appId} ended before it was healthy`);
      await delay(20);
    }
  }

  /** Resolves to the head of what the sidecar answers. Rejects where none is started yet, or does not listen. */
  async #ask(method: string, path: string, body?: Buffer): Promise<IncomingMessage> {
    if (this.#api === undefined) throw new Error(`the sidecar of ${this.settings.appId} is not started`);
    const response = await askApi(this.#api, { method, path, body });
    return response.resume();
  }

  /** As Dapr's command does it, so that its tools find their way from the sidecar to the processes. */
  async #tellMetadata(): Promise<void> {
    const { command, appId } = this.settings;
    const values = { cliPID: process.pid, ...(this.#app && { appPID: this.#app.pid, appCommand: command.join(' ') }) };
    try {
      for (const [key, value] of Object.entries(values)) {
        await this.#ask('PUT', `/v1.0/metadata/${key}`, Buffer.from(String(value)));
      }
    } catch (error) {
      this.#context.say(`cannot tell the sidecar of ${appId} which processes belong to it: ${errorMessage(error)}`);
    }
  }
}

/** What an app finds in its environment, as with Dapr's command. */
function appEnvironment(app: AppSettings, ports: { http: number; grpc: number; metrics: number }): NodeJS.ProcessEnv {
  const { sidecarFlags, appPort } = app;
  return {
    APP_ID: app.appId,
    APP_PROTOCOL: sidecarFlags.get('app-protocol') ?? 'http',
    APP_CHANNEL_ADDRESS: sidecarFlags.get('app-channel-address') ?? '127.0.0.1',
    ...(appPort !== undefined && { APP_PORT: String(appPort) }),
    DAPR_HTTP_PORT: String(ports.http),
    DAPR_GRPC_PORT: String(ports.grpc),
    DAPR_METRICS_PORT: String(ports.metrics),
  };
}

function tokenHeader(env: NodeJS.ProcessEnv): Record<string, string> {
  return env['DAPR_API_TOKEN'] ? { 'dapr-api-token': env['DAPR_API_TOKEN'] } : {};
}

/** Ends parts in the opposite order of their making. */
class AsyncDisposer implements AsyncDisposable {
  readonly #ends: (() => void | Promise<void>)[] = [];

  add(end: () => void | Promise<void>): void {
    this.#ends.push(end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let end = this.#ends.pop(); end !== undefined; end = this.#ends.pop()) await end();
  }
}
