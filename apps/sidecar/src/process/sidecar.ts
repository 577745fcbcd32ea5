import { join } from 'node:path';

import { errorMessage, type Logger } from '@outrigger/core';
import {
  type Configuration,
  createRuntime,
  noMetrics,
  type Runtime,
  type RuntimeOptions,
  type SecretTexts,
} from '@outrigger/runtime';

import { invokeFallback } from '../blocks/invoke/http.ts';
import { type InternalServer, serveInternal } from '../blocks/invoke/internal-server.ts';
import { GrpcPeers } from '../blocks/invoke/peers.ts';
import type { MutualTls } from '@outrigger/identity';
import type { OpenTelemetryTracer } from '@outrigger/tracing-opentelemetry';
import type { PortServer } from '../grpc/port-server.ts';
import { apiRuleNotices } from '../http/api-rule-notices.ts';
import { parseListenAddresses } from '../http/listen.ts';
import { createHttpServer, type HttpServer } from '../http/server.ts';
import { errorCodeCounter } from '../metrics/error-codes.ts';
import { grpcClientMeter } from '../metrics/grpc-client-meter.ts';
import { HttpClientMeter } from '../metrics/http-client-meter.ts';
import { HttpLabels } from '../metrics/http-labels.ts';
import { HttpServerMeter } from '../metrics/http-server-meter.ts';
import { type ConfiguredMetrics, metricsSettings } from '../metrics/metrics-settings.ts';
import { PrometheusMetrics } from '../metrics/prometheus-metrics.ts';
import { serveMetrics } from '../metrics/serve-metrics.ts';
import { openTracer } from '../tracing/open-tracer.ts';
import type { Api } from './api.ts';
import { appConnection, appHealth, openApp } from './app-connection.ts';
import type { Flags } from './flag-table.ts';
import { followFiles } from './follow-files.ts';
import { Hangup } from './hangup.ts';
import { type PublicGrpcOptions, servePublicGrpc } from './grpc-server.ts';
import { httpApi } from './http-api.ts';
import { LiveConfiguration } from './live-configuration.ts';
import { plaintextNotice, startMutualTls } from './mutual-tls.ts';
import { internalAddress, maxConnectionIdle, publicAddresses, refuseSharedPorts } from './listen-settings.ts';
import type { ProcessLog } from './log.ts';
import { pluggableComponents } from './pluggable-components.ts';
import { SettingError } from './setting-error.ts';
import { apiVersion, sidecarVersion } from './version.ts';

export interface SidecarOptions {
  readonly flags: Flags;
  /** The flags that the user gave; the others have their defaults. */
  readonly given: ReadonlySet<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: ProcessLog;
  /** What no log and no answer may show; the log hides it already. */
  readonly secretTexts: SecretTexts;
  /** Called by the shutdown API; begins an orderly stop. */
  readonly onShutdown: () => void;
  /** Called by the shutdown API with force; ends the process. */
  readonly onForcedShutdown: () => void;
}

/** What is ready, in the order in which it becomes so. */
type Phase = 'starting' | 'serving' | 'ready';

/**
 * A running sidecar. The internal port is bound first, then components start, then the APIs are served, and last the app is
 * waited for and connected.
 */
export class Sidecar implements AsyncDisposable {
  readonly #options: SidecarOptions;
  readonly #log: Logger;
  readonly #metrics: PrometheusMetrics | undefined;
  readonly #appMeter: HttpClientMeter | undefined;
  #metricsSettings: ConfiguredMetrics | undefined;
  /** What has been made, in its order; ends in the opposite one. */
  readonly #parts: AsyncDisposable[] = [];
  readonly #servers: HttpServer[] = [];
  #grpc: PortServer | undefined;
  #internal: InternalServer | undefined;
  #runtime: Runtime | undefined;
  #mutualTls: MutualTls | undefined;
  #tracer: OpenTelemetryTracer | undefined;
  readonly #live: LiveConfiguration;
  /** The API over HTTP. */
  #api: HttpServer | undefined;
  #phase: Phase = 'starting';

  private constructor(options: SidecarOptions) {
    this.#options = options;
    this.#log = options.log.scope('dapr.runtime');
    const { flags } = options;
    this.#metrics = flags['enable-metrics'] ? new PrometheusMetrics(flags['app-id'] ?? '', this.#log) : undefined;
    this.#appMeter = this.#metrics && new HttpClientMeter(this.#metrics);
    this.#live = new LiveConfiguration({
      env: options.env,
      appId: flags['app-id'] ?? '',
      apiLogging: flags['enable-api-logging'],
      httpLogger: options.log.scope('dapr.runtime.http-info'),
      grpcLogger: options.log.scope('dapr.runtime.grpc.api-info'),
      onChange: ({ api }) => this.#api?.reconfigure({ access: api, apiLog: this.#live.httpApiLog }),
    });
  }

  /**
   * Resolves once the APIs are served; the app is not connected yet. Rejects with what the user has to mend, and leaves
   * nothing behind.
   */
  static async start(options: SidecarOptions, signal: AbortSignal): Promise<Sidecar> {
    const sidecar = new Sidecar(options);
    try {
      await sidecar.#start(signal);
      return sidecar;
    } catch (error) {
      await sidecar[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Waits for the app, begins delivery, and is healthy from then on. */
  async connectApp(signal: AbortSignal): Promise<void> {
    await this.#runtime?.connectApp(signal);
    this.#phase = 'ready';
  }

  /** On SIGHUP reads the policies again, until disposal. `stop`: called when the signal means that the process should end. */
  followHangups(stop: (reason: string) => void): Disposable | undefined {
    return this.#runtime && new Hangup(this.#runtime, stop, this.#log);
  }

  /** Applies changed resources and Configurations while it runs, until disposal; not where one of these switches `HotReload` off. */
  followFiles(): Disposable | undefined {
    const runtime = this.#runtime;
    const { flags } = this.#options;
    if (runtime === undefined || runtime.configuration.features.get('HotReload') === false) return undefined;
    return followFiles(runtime, flags, this.#log);
  }

  /** Resolves once the app counts as unhealthy; never when its health is not checked. Rejects when the signal aborts. */
  async appUnhealthy(signal: AbortSignal): Promise<void> {
    await this.#runtime?.appUnhealthy(signal);
  }

  /** Ends subscriptions and input bindings; the APIs go on. What is in flight may end until {@link Sidecar.stop} ends it. */
  async endDelivery(): Promise<void> {
    await this.#runtime?.endDelivery(new AbortController().signal);
  }

  /**
   * Stops in the order that loses nothing: no new messages and no new callers, then what is in flight, then the APIs, then
   * components. Everything together takes at most `graceMs`, but for components that are slow to close.
   */
  async stop(graceMs: number): Promise<void> {
    this.#phase = 'starting';
    const end = performance.now() + graceMs;
    const left = () => Math.max(0, end - performance.now());
    // what the deliveries under way ask of the APIs needs the last part
    await this.#runtime?.drain(AbortSignal.timeout(graceMs * 0.8));
    await Promise.all([
      ...this.#servers.map((server) => server.close(left())),
      this.#grpc?.close(left()),
      this.#internal?.close(left()),
    ]);
    // the spans of what has just ended are worth a moment more than the limit
    await this.#tracer?.close(Math.max(left(), 250));
    await this[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end();
  }

  /** Ends everything in the opposite order of its making; a part that fails to end keeps none of the others. */
  async #end(): Promise<void> {
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) {
      try {
        await part[Symbol.asyncDispose]();
      } catch (error) {
        this.#log.warn(`a part of the sidecar did not end as it should: ${errorMessage(error)}`);
      }
    }
  }

  #own<T extends AsyncDisposable>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { flags, env, log, secretTexts } = this.#options;
    refuseSharedPorts(flags, env, this.#options.given);
    const appId = flags['app-id'] ?? '';
    const grpcLog = this.#metrics && grpcClientMeter(this.#metrics);
    const app = await openApp({ flags, env, log, appId, meter: this.#appMeter, grpcLog });
    if (app !== undefined) this.#own(app.channel);
    if (app?.grpc !== undefined) this.#own(app.grpc);
    const internal = await serveInternal({
      host: internalAddress(flags, env),
      port: flags['dapr-internal-grpc-port'],
      maxBodySize: flags['max-body-size'],
      logger: log.scope('dapr.runtime.grpc.internal'),
      grpcApp: app?.grpc,
    });
    this.#internal = internal;
    this.#own({ [Symbol.asyncDispose]: () => internal.close(0) });

    const maxIdle = maxConnectionIdle(env);
    const peers = this.#own(
      new GrpcPeers({
        maxBodySize: flags['max-body-size'],
        logger: log.scope('dapr.runtime.grpc.internal'),
        log: grpcLog,
        ...(maxIdle !== undefined && { idleTimeout: maxIdle }),
      }),
    );
    const runtime = this.#own(
      await createRuntime({
        appId,
        ...(env['NAMESPACE'] === undefined ? {} : { namespace: env['NAMESPACE'] }),
        resourcesPaths: flags['resources-path'],
        configPaths: flags.config,
        mode: modeOf(flags),
        packages: flags['component-package'],
        componentSource: pluggableComponents(env),
        retryComponents: flags['retry-components'],
        ...(app === undefined ? {} : { app: app.channel }),
        ...(flags['enable-app-health-check'] ? { appHealth: appHealth(flags) } : {}),
        logger: this.#log,
        secretTexts,
        metrics: this.#metrics ?? noMetrics,
        peers,
        tracer: () => this.#tracer,
        prepare: async (configuration, starting) => {
          this.#configureMetrics(configuration);
          await this.#configureTracing(configuration);
          return this.#secure(configuration, peers, starting);
        },
        reconfigure: (next, was) => this.#live.change(next, was),
        self: { host: env['DAPR_HOST_IP'] ?? '127.0.0.1', port: internal.port },
        env,
        signal,
      }),
    );
    this.#runtime = runtime;
    internal.serve(runtime.invocation, this.#mutualTls, { appId, tracer: this.#tracer });
    await this.#serve(runtime, internal.port, { peers, app: app?.grpc });
    this.#phase = 'serving';
  }

  #configureMetrics(configuration: Configuration): void {
    if (this.#metrics === undefined) return;
    this.#metricsSettings = metricsSettings(configuration);
    this.#metrics.configure(this.#metricsSettings);
    this.#appMeter?.labelBy(new HttpLabels(this.#metricsSettings.http));
  }

  async #configureTracing(configuration: Configuration): Promise<void> {
    const { log, secretTexts } = this.#options;
    const plan = this.#live.begin(configuration);
    if (plan === undefined) return;
    const options = {
      logger: log.scope('dapr.runtime.tracing'),
      hideSecrets: (text: string) => secretTexts.hide(text),
    };
    this.#tracer = this.#own(await openTracer(plan, options));
  }

  /** Resolves once there is a certificate, where one is needed: no component has started by then, and no port serves. */
  async #secure(configuration: Configuration, peers: GrpcPeers, signal: AbortSignal): Promise<void> {
    const { flags, env, log } = this.#options;
    if (!flags['enable-mtls']) {
      const notice = plaintextNotice(configuration);
      if (notice !== undefined) this.#log.warn(notice);
      return;
    }
    const logger = log.scope('dapr.runtime.security');
    const settings = { flags, env, appId: flags['app-id'] ?? '', logger, metrics: this.#metrics ?? noMetrics };
    const { mutualTls } = this.#own(await startMutualTls(settings, configuration, signal));
    this.#mutualTls = mutualTls;
    peers.secureWith(mutualTls);
  }

  async #serveMetrics(): Promise<void> {
    if (!this.#metrics?.enabled) return;
    const { flags, given, log } = this.#options;
    const logger = log.scope('dapr.metrics');
    const server = await serveMetrics({ flags, given, metrics: this.#metrics, logger });
    if (server === undefined) return;
    this.#servers.push(server);
    this.#own({ [Symbol.asyncDispose]: () => server.close(0) });
  }

  #apiOf(runtime: Runtime): Api {
    const { flags, log, onShutdown, onForcedShutdown } = this.#options;
    const app = appConnection(flags);
    return {
      runtime,
      metadata: {
        runtime,
        runtimeVersion: apiVersion,
        ...(app === undefined ? {} : { app }),
        extended: new Map([
          ['daprRuntimeVersion', apiVersion],
          ['outriggerVersion', sidecarVersion()],
        ]),
      },
      health: {
        appId: runtime.appId,
        notReady: () => (this.#phase === 'ready' ? [] : [this.#phase === 'serving' ? 'app' : 'runtime']),
        isOutboundReady: () => this.#phase !== 'starting',
        components: () => runtime.components,
      },
      maxBodySize: flags['max-body-size'],
      control: { shutdown: onShutdown, exitNow: onForcedShutdown },
      logger: log.scope('dapr.runtime.api'),
    };
  }

  async #serve(runtime: Runtime, internalPort: number, proxy: PublicGrpcOptions['proxy']): Promise<void> {
    const { flags, env, log, secretTexts } = this.#options;
    const hideSecrets = (text: string) => secretTexts.hide(text);
    const parts = this.#apiOf(runtime);
    const { routes, publicRoutes } = httpApi(parts);
    for (const notice of apiRuleNotices(runtime.configuration.api, routes)) this.#log.warn(notice);
    const logger = log.scope('dapr.runtime.http');
    const common = {
      logger,
      hideSecrets,
      maxBodySize: flags['max-body-size'],
      readBufferSize: flags['read-buffer-size'],
      http2: !env['DAPR_HTTP_DISABLE_H2C'],
      allowedOrigins: flags['allowed-origins'],
      apiLog: this.#live.httpApiLog,
    };
    const metrics = this.#metrics?.enabled ? this.#metrics : undefined;
    const settings = this.#metricsSettings;
    const onError = metrics && settings?.recordErrorCodes ? errorCodeCounter(metrics) : undefined;
    const api = createHttpServer({
      ...common,
      tracer: this.#tracer,
      meter: metrics && settings && new HttpServerMeter(metrics, new HttpLabels(settings.http)),
      onError,
      routes,
      fallback: invokeFallback(runtime.invocation),
      access: runtime.configuration.api,
      ...(env['DAPR_API_TOKEN'] ? { apiToken: env['DAPR_API_TOKEN'] } : {}),
      ...(flags['unix-domain-socket']
        ? { socketPath: join(flags['unix-domain-socket'], `dapr-${runtime.appId}-http.socket`) }
        : { addresses: parseListenAddresses(flags['dapr-listen-addresses']), port: flags['dapr-http-port'] }),
    });
    this.#api = api;
    this.#servers.push(api);
    this.#own({ [Symbol.asyncDispose]: () => api.close(0) });
    const httpPort = await api.listen();
    this.#log.info(
      `HTTP server is listening on ${flags['unix-domain-socket'] ? flags['unix-domain-socket'] : `port ${httpPort}`}; internal gRPC on port ${internalPort}`,
    );

    const grpcLogger = log.scope('dapr.runtime.grpc.api');
    const grpc = await servePublicGrpc({
      api: parts,
      flags,
      proxy,
      apiToken: env['DAPR_API_TOKEN'],
      maxIdle: maxConnectionIdle(env),
      logger: grpcLogger,
      hideSecrets,
      metrics,
      tracer: this.#tracer,
      apiLogger: () => this.#live.grpcApiLogger,
      onError,
    });
    this.#grpc = this.#own(grpc);
    await this.#serveMetrics();

    const publicPort = flags['dapr-public-port'];
    if (publicPort === undefined) return;
    const publicServer = createHttpServer({
      ...common,
      routes: publicRoutes,
      addresses: publicAddresses(flags),
      port: publicPort,
      flags: { port: '--dapr-public-port', address: '--dapr-public-listen-address' },
    });
    this.#servers.push(publicServer);
    this.#own({ [Symbol.asyncDispose]: () => publicServer.close(0) });
    await publicServer.listen();
  }
}

function modeOf({ mode }: Flags): NonNullable<RuntimeOptions['mode']> {
  const known = (['standalone', 'kubernetes'] as const).find((one) => one === mode.toLowerCase());
  if (known !== undefined) return known;
  throw new SettingError(`--mode: expected standalone or kubernetes, not "${mode}"`);
}
