import { Registry } from '../instances/registry.ts';
import { UserError } from '../user-error.ts';
import type { AppSettings } from './app-settings.ts';
import { Keeper } from './keeper.ts';
import { freePorts } from './ports.ts';
import { RunningApp } from './running-app.ts';

export interface RunAppsOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly sidecarEnv?: Readonly<Record<string, string>>;
}

/**
 * Runs apps, each with its sidecar, until all have ended, one has failed, or the user ends them. Resolves to the exit code: of the
 * first app that failed, else 0. Rejects with a {@link UserError} when one cannot start; nothing runs on after either.
 */
export async function runApps(apps: readonly AppSettings[], options: RunAppsOptions): Promise<number> {
  refuseDoubles(apps);
  const registry = new Registry(options.home);
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  using stop = new UserStop(say);
  await using keeper = new Keeper();
  const context = { ...options, registry, keeper, say, impatience: stop.impatience };
  const free = await freePorts(apps.length * portsOfSidecar, new Set(apps.flatMap(namedPorts)));
  const running = apps.map(
    (settings, index) => new RunningApp(settings, context, free.splice(0, portsOfSidecar), index),
  );
  try {
    const started = Promise.all(startInOrder(running));
    started.catch(() => {});
    if ((await Promise.race([started, stop.requested])) === 'stop') return 0;
    const welcome =
      apps.length === 1 && apps[0]?.command.length === 0
        ? `You're up and running! Only the sidecar of ${apps[0].appId} runs; its log is here. End it with Ctrl-C.`
        : `You're up and running! The logs of the sidecars and apps are here. End them with Ctrl-C.`;
    // one that ends before it was healthy is told of below
    Promise.all(running.map((app) => app.healthy())).then(
      () => say(welcome),
      () => {},
    );
    const codes = running.map((app) => app.ended());
    const failure = Promise.race(codes.map(async (code) => (await code) || new Promise<never>(() => {})));
    const success = Promise.all(codes).then(() => 0);
    const outcome = await Promise.race([failure, success, stop.requested]);
    return outcome === 'stop' ? 0 : outcome;
  } finally {
    await Promise.all(running.map((app) => app[Symbol.asyncDispose]()));
  }
}

/** Starts each app once those it depends on are healthy. */
function startInOrder(apps: readonly RunningApp[]): Promise<void>[] {
  const healthy = new Map<string, Promise<void>>();
  const waiting = new Set<string>();
  const startOf = (app: RunningApp): Promise<void> => {
    const { appId, dependsOn } = app.settings;
    const known = healthy.get(appId);
    if (known !== undefined) return known;
    if (waiting.has(appId)) throw new UserError(`dependsOn goes in a circle: ${[...waiting, appId].join(' → ')}`);
    waiting.add(appId);
    const first = dependsOn.map((id) => {
      const other = apps.find(({ settings }) => settings.appId === id);
      if (other === undefined) throw new UserError(`${appId} depends on "${id}", which is no app of the file`);
      return startOf(other);
    });
    waiting.delete(appId);
    const isWaitedFor = apps.some(({ settings }) => settings.dependsOn.includes(appId));
    const start = Promise.all(first).then(async () => {
      await app.start();
      if (isWaitedFor) await app.healthy();
    });
    healthy.set(appId, start);
    return start;
  };
  return apps.map(startOf);
}

/** Of the HTTP and the gRPC API, and of metrics. */
const portsOfSidecar = 3;

/** The ports that an app and its sidecar are given, whether or not somebody listens there yet. */
function namedPorts({ httpPort, grpcPort, appPort, metricsPort, sidecarFlags }: AppSettings): number[] {
  const flags = ['dapr-internal-grpc-port', 'profile-port'].map((flag) => Number(sidecarFlags.get(flag)));
  return [httpPort, grpcPort, appPort, metricsPort, ...flags].filter(
    (port) => port !== undefined && port > 0,
  ) as number[];
}

function refuseDoubles(apps: readonly AppSettings[]): void {
  const owners = new Map<string, string>();
  for (const app of apps) {
    const { appId } = app;
    for (const value of [`app id ${appId}`, ...namedPorts(app).map((port) => `port ${port}`)]) {
      const owner = owners.get(value);
      if (owner !== undefined) throw new UserError(`${owner} and ${appId} both have ${value}; give each its own`);
      owners.set(value, appId);
    }
  }
}

/** The first Ctrl-C (or SIGTERM, or a terminal that goes away) ends everything in order, the second at once. */
class UserStop implements Disposable {
  readonly requested: Promise<'stop'>;
  readonly #impatience = new AbortController();
  readonly #listener: (signal: NodeJS.Signals) => void;

  constructor(say: (line: string) => void) {
    const { promise, resolve } = Promise.withResolvers<'stop'>();
    this.requested = promise;
    let asked = false;
    this.#listener = () => {
      if (asked) this.#impatience.abort();
      else say('ending; once more ends it at once');
      asked = true;
      resolve('stop');
    };
    for (const signal of stopSignals) process.on(signal, this.#listener);
  }

  get impatience(): AbortSignal {
    return this.#impatience.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of stopSignals) process.off(signal, this.#listener);
  }
}

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
