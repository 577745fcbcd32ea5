import { type AppChannel, HttpAppChannel, type HttpAppMeter, type HttpAppProtocol } from '@outrigger/runtime';

import type { GrpcAppConnection } from '../app/grpc-app-connection.ts';
import type { AppConnection } from '../blocks/metadata/document.ts';
import type { Flags } from './flag-table.ts';
import type { ProcessLog } from './log.ts';
import type { GrpcClientLog } from '../metrics/grpc-client-meter.ts';
import { SettingError } from './setting-error.ts';

export interface AppSettings {
  readonly flags: Flags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: ProcessLog;
  readonly appId: string;
  /** Counts calls to an app that speaks HTTP. Absent: nobody does. */
  readonly meter?: HttpAppMeter | undefined;
  /** Told of each call over gRPC. Absent: nobody is. */
  readonly grpcLog?: GrpcClientLog | undefined;
}

/** The app, however it is reached. */
export interface OpenedApp {
  readonly channel: AppChannel;
  /** Of an app that speaks gRPC, or may do so over h2c: where calls go that nobody here looks into. */
  readonly grpc?: GrpcAppConnection;
}

/** Opens what the flags say of the app; `undefined` without an app port. Rejects with a {@link SettingError}. */
export async function openApp({ flags, env, log, appId, meter, grpcLog }: AppSettings): Promise<OpenedApp | undefined> {
  const port = flags['app-port'];
  if (port === undefined || port === 0) return undefined;
  const protocol = appProtocol(flags['app-protocol']);
  const common = {
    port,
    host: flags['app-channel-address'],
    appToken: env['APP_API_TOKEN'],
    maxConcurrency: Math.max(0, flags['app-max-concurrency']),
    disabledInitEndpoints: (flags['disable-init-endpoints'] ?? '').split(',').map((name) => name.trim()),
    logger: log.scope('dapr.runtime.channel'),
  };
  if (protocol === 'grpc' || protocol === 'grpcs') {
    // Imported here because the protocol's code is not for free, and most apps speak HTTP.
    const { GrpcAppChannel } = await import('../app/grpc-app-channel.ts');
    const options = { ...common, tls: protocol === 'grpcs', maxMessageSize: flags['max-body-size'], log: grpcLog };
    const channel = new GrpcAppChannel(options);
    return { channel, grpc: channel.connection };
  }
  const channel = new HttpAppChannel({
    ...common,
    appId,
    protocol,
    maxBodySize: flags['max-body-size'],
    healthPath: flags['app-health-check-path'],
    meter,
    bindingOptionsTimeoutMs: flags['app-binding-options-timeout'],
  });
  if (protocol !== 'h2c') return { channel };
  // Such an app may serve gRPC beside HTTP, on the same port.
  const { GrpcAppConnection: Connection } = await import('../app/grpc-app-connection.ts');
  const connection = new Connection({ ...common, maxMessageSize: flags['max-body-size'], log: grpcLog });
  return { channel, grpc: connection };
}

function appProtocol(text: string): HttpAppProtocol | 'grpc' | 'grpcs' {
  switch (text) {
    case 'http':
    case 'https':
    case 'h2c':
    case 'grpc':
    case 'grpcs':
      return text;
    default:
      throw new SettingError(`--app-protocol: expected http, https, h2c, grpc or grpcs, not "${text}"`);
  }
}

/** How the app's health is probed. Throws a {@link SettingError}. */
export function appHealth(flags: Flags): { intervalMs: number; timeoutMs: number; threshold: number } {
  const intervalMs = flags['app-health-probe-interval'];
  const timeoutMs = flags['app-health-probe-timeout'];
  const threshold = flags['app-health-threshold'];
  if (intervalMs <= 0) throw new SettingError('--app-health-probe-interval: expected more than 0s, such as 5s');
  if (timeoutMs <= 0 || timeoutMs > intervalMs) {
    throw new SettingError(
      `--app-health-probe-timeout: expected more than 0ms and at most --app-health-probe-interval, which is ${intervalMs}ms`,
    );
  }
  if (threshold < 1) throw new SettingError('--app-health-threshold: expected 1 or more');
  return { intervalMs, timeoutMs, threshold };
}

/** The connection to the app as the metadata API shows it. */
export function appConnection(flags: Flags): AppConnection | undefined {
  const port = flags['app-port'];
  if (port === undefined || port === 0) return undefined;
  return {
    port,
    protocol: flags['app-protocol'],
    channelAddress: flags['app-channel-address'],
    maxConcurrency: Math.max(0, flags['app-max-concurrency']),
    ...(flags['enable-app-health-check']
      ? {
          health: {
            healthCheckPath: flags['app-health-check-path'],
            healthProbeInterval: goDuration(flags['app-health-probe-interval']),
            healthProbeTimeout: goDuration(flags['app-health-probe-timeout']),
            healthThreshold: flags['app-health-threshold'],
          },
        }
      : {}),
  };
}

/** As Go writes it: `5s`, `500ms`, `1m30s`. */
function goDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const minutes = Math.floor(milliseconds / 60_000);
  const seconds = (milliseconds % 60_000) / 1000;
  const hours = Math.floor(minutes / 60);
  return `${hours > 0 ? `${hours}h` : ''}${minutes > 0 ? `${minutes % 60}m` : ''}${seconds}s`;
}
