import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { openDashboard } from '../dashboard/open-dashboard.ts';
import { homeFolder } from '../home.ts';
import type { CommandContext } from '../program.ts';
import type { AppSettings, LogDestination } from '../run/app-settings.ts';
import { randomAppId } from '../run/app-names.ts';
import { runApps } from '../run/run-apps.ts';
import { readRunFile } from '../run/run-file.ts';
import { usualConfigPaths, usualResourcesPaths } from '../run/sidecar-command.ts';
import { sidecarSettings } from '../run/sidecar-settings.ts';
import { UserError } from '../user-error.ts';
import { parsePort } from './port-option.ts';

interface RunOptions {
  readonly appId?: string;
  readonly appPort?: number;
  readonly daprHttpPort?: number;
  readonly daprGrpcPort?: number;
  readonly metricsPort?: number;
  readonly config?: readonly string[];
  readonly resourcesPath?: readonly string[];
  readonly componentsPath?: readonly string[];
  readonly runFile?: string;
  readonly dashboard?: boolean;
  /** Where Dapr's command finds its sidecar. */
  readonly runtimePath?: string;
  /** Those of {@link sidecarSettings}, by commander's spelling of the flag. */
  readonly [flag: string]: unknown;
}

/** `outrigger run`: one app with its sidecar, or those of a run file. */
export function addRun(program: Command, { env, setExitCode }: CommandContext): void {
  const command = program
    .command('run [command...]')
    .summary('run an app with its sidecar, or all apps of a file')
    .description(
      'Runs a command with a sidecar beside it, until either ends, and prints their lines; outrigger list --output json has what runs. Without resources of its own an app has state and messages in SQLite files, shared with all apps that are run like that.',
    )
    .option('-f, --run-file <path>', 'run all apps of this dapr.yaml (a file, its folder, or - for standard input)')
    .option('-a, --app-id <id>', 'name by which other apps call this one; made up when not given')
    .option('-p, --app-port <port>', 'port on which the app listens', parsePort)
    .option('-H, --dapr-http-port <port>', 'port of the HTTP API; free when not given', parsePort)
    .option('-G, --dapr-grpc-port <port>', 'port of the gRPC API; free when not given', parsePort)
    .option('-M, --metrics-port <port>', 'port of the metrics; free when not given', parsePort)
    .option('-d, --resources-path <folder>', 'folder with resource YAML; repeatable', collect)
    .option('--components-path <folder>', 'old name of --resources-path', collect)
    .option('-c, --config <file>', 'Configuration file; repeatable, later files win', collect)
    .addOption(new Option('--runtime-path <folder>').hideHelp())
    .option('--dashboard', 'serve a web page that shows what runs, with traces; its address is printed')
    .passThroughOptions()
    .addHelpText('after', '\nExamples:\n  outrigger run -a orders -p 3000 -- node app.js\n  outrigger run -f .\n');
  for (const { flag, short, kind, help } of sidecarSettings) {
    const names = `${short === undefined ? '' : `-${short}, `}--${flag}`;
    if (kind === 'flag') command.option(names, help);
    else command.option(`${names} <value>`, help);
  }
  command.action(async (words: string[], options: RunOptions) => {
    setExitCode(await run(words, options, env));
  });
}

async function run(words: readonly string[], options: RunOptions, env: NodeJS.ProcessEnv): Promise<number> {
  if (options.runtimePath !== undefined)
    process.stderr.write('outrigger: --runtime-path has no meaning here and is ignored\n');
  const home = homeFolder(env);
  const userHome = env['HOME'] ?? homedir();
  if (options.runFile === undefined) return runShown([settingsOf(words, options, userHome)], options, env, home);
  if (words.length > 0) {
    throw new UserError(`run takes a file (-f) or a command, not both; "${words.join(' ')}" would not be run`);
  }
  const { name, apps, warnings } = await readRunFile(options.runFile, userHome);
  for (const warning of warnings) process.stderr.write(`outrigger: ${warning}\n`);
  process.stdout.write(`running ${name}: ${apps.map(({ appId }) => appId).join(', ')}\n`);
  return runShown(apps, options, env, home);
}

/** Runs the apps, and a dashboard beside them where it is wanted. */
async function runShown(
  apps: readonly AppSettings[],
  { dashboard: isWanted }: RunOptions,
  env: NodeJS.ProcessEnv,
  home: string,
): Promise<number> {
  if (!isWanted) return runApps(apps, { env, home });
  await using dashboard = await openDashboard({ home, env });
  process.stdout.write(`dashboard: ${dashboard.url}\n`);
  return await runApps(apps.map(withLogFiles), { env, home, sidecarEnv: dashboard.sidecarEnv });
}

/** The dashboard shows logs from their files. */
function withLogFiles(app: AppSettings): AppSettings {
  const also = (destination: LogDestination) => (destination === 'console' ? 'fileAndConsole' : destination);
  return {
    ...app,
    appLogDestination: also(app.appLogDestination),
    sidecarLogDestination: also(app.sidecarLogDestination),
  };
}

function settingsOf(command: readonly string[], options: RunOptions, userHome: string): AppSettings {
  const folder = process.cwd();
  const resources = [...(options.resourcesPath ?? []), ...(options.componentsPath ?? [])].map((path) => resolve(path));
  const configs = options.config?.map((path) => resolve(path));
  for (const path of [...resources, ...(configs ?? [])]) {
    if (!existsSync(path)) throw new UserError(`there is no ${path}; correct --resources-path or --config`);
  }
  const flags = sidecarSettings.flatMap(({ flag }) => {
    const value = options[flag.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    return typeof value === 'string' || typeof value === 'boolean' ? [[flag, String(value)] as const] : [];
  });
  return {
    appId: options.appId ?? randomAppId(),
    folder,
    command,
    appPort: options.appPort,
    httpPort: options.daprHttpPort,
    grpcPort: options.daprGrpcPort,
    metricsPort: options.metricsPort,
    resourcesPaths: resources.length > 0 ? resources : usualResourcesPaths(folder, userHome),
    configPaths: configs ?? usualConfigPaths(folder, userHome),
    sidecarFlags: new Map(flags),
    env: {},
    appLogDestination: 'console',
    sidecarLogDestination: 'console',
    dependsOn: [],
  };
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}
