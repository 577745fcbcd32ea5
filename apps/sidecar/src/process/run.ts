import { openSync, writeSync } from 'node:fs';

import { errorMessage } from '@outrigger/core';
import { SecretTexts } from '@outrigger/runtime';

import type { Flags } from './flag-table.ts';
import { FlagError, flagNotices, type ParsedFlags, parseFlags, usage } from './flags.ts';
import { parseLogLevel, ProcessLog } from './log.ts';
import { SettingError } from './setting-error.ts';
import { Sidecar } from './sidecar.ts';
import { Stop } from './stop.ts';
import { apiVersion, sidecarVersion } from './version.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The whole life of a sidecar process; resolves to its exit code: 0 after an orderly stop, 1 when it could not start.
 */
export async function run(args: readonly string[], env: Environment): Promise<number> {
  const started = process.uptime() * 1000;
  let parsed: ParsedFlags;
  let log: ProcessLog;
  const secretTexts = secretsOf(env);
  try {
    parsed = parseFlags(args);
    const informed = await inform(parsed.flags);
    if (informed !== undefined) return informed;
    log = openLog(parsed.flags, secretTexts);
  } catch (error) {
    if (!(error instanceof FlagError || error instanceof SettingError)) throw error;
    process.stderr.write(`outrigger-sidecar: ${error.message}\n`);
    return 1;
  }
  return serve(parsed, env, { log, secretTexts }, started);
}

/**
 * The secrets that this process has from the start. What it writes when it crashes leaves the environment out, as that holds secrets
 * of components, too.
 */
function secretsOf(env: Environment): SecretTexts {
  if (process.report !== undefined) process.report.excludeEnv = true;
  const secrets = new SecretTexts();
  for (const name of ['DAPR_API_TOKEN', 'APP_API_TOKEN']) secrets.add(env[name] ?? '');
  return secrets;
}

/** Does what the flags that only inform ask for; `undefined` when the sidecar is to run. */
async function inform(flags: Flags): Promise<number | undefined> {
  if (flags.help) process.stdout.write(usage());
  else if (flags.version) process.stdout.write(`${apiVersion}\n`);
  else if (flags['build-info']) {
    process.stdout.write(
      `Outrigger ${sidecarVersion()}, API of Dapr ${apiVersion}, Node.js ${process.version}, ${process.platform}-${process.arch}\n`,
    );
  } else if (flags.wait) return waitUntilUsable(flags['dapr-http-port']);
  else return undefined;
  return 0;
}

async function waitUntilUsable(port: number): Promise<number> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const signal = AbortSignal.timeout(1000);
    const response = await fetch(`http://127.0.0.1:${port}/v1.0/healthz/outbound`, { signal }).catch(() => undefined);
    if (response?.ok) return 0;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  process.stderr.write(
    `outrigger-sidecar: nothing usable on 127.0.0.1:${port} within 60 s; is the sidecar running with --dapr-http-port ${port}?\n`,
  );
  return 1;
}

function openLog(flags: Flags, secretTexts: SecretTexts): ProcessLog {
  const appId = flags['app-id'] ?? '';
  if (appId === '')
    throw new SettingError('--app-id is required: the name by which other apps call this one, such as --app-id orders');
  const level = parseLogLevel(flags['log-level']);
  if (level === undefined)
    throw new SettingError(`--log-level: expected debug, info, warn, error or fatal, not "${flags['log-level']}"`);
  const file = flags['log-file'] === undefined ? undefined : openLogFile(flags['log-file']);
  // The work of the sidecar goes on when whoever read its output is gone.
  process.stdout.on('error', () => {});
  const write = (line: string) => {
    process.stdout.write(line);
    file?.(line);
  };
  const hideSecrets = (line: string) => secretTexts.hide(line);
  return new ProcessLog({ level, asJson: flags['log-as-json'], appId, write, hideSecrets });
}

/** Writes at once, so that the last lines of a process that dies are there. A full disk is said once and stops nothing. */
function openLogFile(path: string): (line: string) => void {
  let isFailing = false;
  try {
    const file = openSync(path, 'a');
    return (line) => {
      try {
        writeSync(file, line);
        isFailing = false;
      } catch (error) {
        if (!isFailing) process.stderr.write(`outrigger-sidecar: --log-file: ${errorMessage(error)}\n`);
        isFailing = true;
      }
    };
  } catch (error) {
    throw new SettingError(`--log-file: ${errorMessage(error)}`);
  }
}

interface Output {
  readonly log: ProcessLog;
  /** What the log hides. */
  readonly secretTexts: SecretTexts;
}

async function serve(parsed: ParsedFlags, env: Environment, output: Output, started: number): Promise<number> {
  const { log } = output;
  const { flags } = parsed;
  const logger = log.scope('dapr.runtime');
  logger.info(`starting Outrigger ${sidecarVersion()}, API of Dapr ${apiVersion}, on Node.js ${process.version}`);
  for (const { level, message } of flagNotices(parsed)) logger[level](message);
  using stop = new Stop(logger);
  // One request's or one component's mistake must not take the traffic of all others with it; it is logged as the bug it is.
  process.on('uncaughtException', (error) => logger.error(`unexpected error: ${error.stack ?? error.message}`));

  let sidecar: Sidecar;
  try {
    sidecar = await Sidecar.start(
      {
        flags,
        given: parsed.given,
        env,
        ...output,
        onShutdown: () => stop.request('Shutdown requested via API'),
        onForcedShutdown: () => setTimeout(() => process.exit(1), 100),
      },
      stop.signal,
    );
  } catch (error) {
    if (stop.signal.aborted) return 0;
    for (const line of errorMessage(error).split('\n')) log.write('fatal', 'dapr.runtime', line);
    return 1;
  }

  using _hangups = sidecar.followHangups((reason) => stop.request(reason));
  using changes = sidecar.followFiles();
  try {
    await sidecar.connectApp(stop.signal);
    logger.info(`dapr initialized. Status: Running. Init Elapsed ${Math.round(process.uptime() * 1000 - started)}ms`);
  } catch (error) {
    if (!stop.signal.aborted) {
      log.write('fatal', 'dapr.runtime', errorMessage(error));
      await sidecar.stop(0);
      return 1;
    }
  }
  await stop.requested;
  const blockFor = flags['dapr-block-shutdown-duration'];
  if (blockFor !== undefined) {
    // as in Dapr: the app gets no new work of this kind, and has the time for what it is at
    void sidecar.endDelivery();
    await stop.block(blockFor, (signal) => sidecar.appUnhealthy(signal));
  }
  logger.info('stopping: no new work, finishing what is in flight');
  changes?.[Symbol.dispose]();
  await sidecar.stop(Math.max(0, flags['dapr-graceful-shutdown-seconds']) * 1000);
  logger.info('Daprd shutdown gracefully');
  return 0;
}
