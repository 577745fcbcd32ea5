import { type AppChannel, HttpAppChannel, type HttpAppProtocol } from '@outrigger/runtime';

import type { AppConnection } from '../blocks/metadata/document.ts';
import type { Flags } from './flag-table.ts';
import type { ProcessLog } from './log.ts';
import { SettingError } from './setting-error.ts';

export interface AppSettings {
  readonly flags: Flags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: ProcessLog;
  readonly appId: string;
}

/** The channel to the app that the flags describe; `undefined` without an app port. Throws a {@link SettingError}. */
export function openAppChannel({ flags, env, log, appId }: AppSettings): AppChannel | undefined {
  const port = flags['app-port'];
  if (port === undefined || port === 0) return undefined;
  return new HttpAppChannel({
    appId,
    port,
    host: flags['app-channel-address'],
    protocol: appProtocol(flags['app-protocol']),
    appToken: env['APP_API_TOKEN'],
    maxConcurrency: Math.max(0, flags['app-max-concurrency']),
    maxBodySize: flags['max-body-size'],
    healthPath: flags['app-health-check-path'],
    disabledInitEndpoints: (flags['disable-init-endpoints'] ?? '').split(',').map((name) => name.trim()),
    bindingOptionsTimeoutMs: flags['app-binding-options-timeout'],
    logger: log.scope('dapr.runtime.channel'),
  });
}

function appProtocol(text: string): HttpAppProtocol {
  switch (text) {
    case 'http':
    case 'https':
    case 'h2c':
      return text;
    case 'grpc':
    case 'grpcs':
      throw new SettingError(
        `--app-protocol ${text}: apps that speak gRPC are not supported yet; use http, https or h2c`,
      );
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
