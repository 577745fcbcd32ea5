import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { homeFolder } from '../home.ts';
import type { Instance } from '../instances/instance.ts';
import { Registry } from '../instances/registry.ts';
import { type OutputFormat, outputOption, writeResult } from '../output.ts';
import type { CommandContext } from '../program.ts';
import { withProgress } from '../progress.ts';
import { readRunFile } from '../run/run-file.ts';
import { usualConfigPaths, usualResourcesPaths } from '../run/sidecar-command.ts';
import { UserError } from '../user-error.ts';
import { examineApp, examineResources, examineUsualPorts, type Finding, type ResourcePlace } from './examine.ts';

interface DoctorOptions {
  readonly appId: string;
  readonly resourcesPath?: readonly string[];
  readonly config?: readonly string[];
  readonly runFile?: string;
  readonly output: OutputFormat;
}

/** `outrigger doctor`: looks at all that a start needs, and says what to do. */
export function addDoctor(program: Command, { env, setExitCode }: CommandContext): void {
  const collect = (value: string, all: readonly string[] = []) => [...all, value];
  program
    .command('doctor')
    .summary('find out why something does not start')
    .description(
      'Looks at ports, YAML files, installed packages, and whether each component can reach what it connects to; says what to do. Ends with 1 when something would keep a sidecar from starting. Without flags it looks at the apps of dapr.yaml in this folder, where there is one.',
    )
    .option('-a, --app-id <id>', 'app for which to look: what is scoped to others is left out', 'doctor')
    .option('-d, --resources-path <folder>', 'folder with resource YAML; repeatable', collect)
    .option('-c, --config <file>', 'Configuration file; repeatable', collect)
    .option('-f, --run-file <path>', 'look at all apps of this dapr.yaml (a file, or its folder)')
    .addOption(outputOption())
    .action(async (options: DoctorOptions) => {
      const findings = await examine(options, env);
      setExitCode(findings.some(({ state }) => state === 'failure') ? 1 : 0);
      writeResult(options.output, findings, () => report(findings));
    });
}

async function examine(options: DoctorOptions, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const { resourcesPath, config, runFile } = options;
  if (runFile !== undefined && (resourcesPath ?? config) !== undefined) {
    throw new UserError('--run-file names resources itself; give it, or --resources-path and --config');
  }
  const usualRunFile = ['dapr.yaml', 'dapr.yml'].find((name) => existsSync(name));
  const file = runFile ?? ((resourcesPath ?? config) === undefined ? usualRunFile : undefined);
  const running = new Registry(homeFolder(env)).list();
  return [
    { what: 'Node.js', state: 'ok', message: process.version },
    ...(await examineUsualPorts(running)),
    examineInstances(running),
    ...(await (file === undefined ? examineFolder(options, env) : examineRunFile(file, env))),
  ];
}

function examineInstances(running: readonly Instance[]): Finding {
  const apps = running.map(({ appId, httpPort }) => `${appId} (${httpPort})`).join(', ');
  return { what: 'apps', state: 'ok', message: apps === '' ? 'none runs' : `running: ${apps}` };
}

async function examineFolder(
  { appId, resourcesPath, config }: DoctorOptions,
  env: NodeJS.ProcessEnv,
): Promise<Finding[]> {
  const folder = process.cwd();
  const userHome = env['HOME'] ?? homedir();
  return examinePlace({
    appId,
    folder,
    resourcesPaths: resourcesPath?.map((path) => resolve(path)) ?? usualResourcesPaths(folder, userHome) ?? [],
    configPaths: config?.map((path) => resolve(path)) ?? usualConfigPaths(folder, userHome) ?? [],
    env,
  });
}

async function examineRunFile(file: string, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  let runFile;
  try {
    runFile = await readRunFile(file, env['HOME'] ?? homedir());
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message.split('\n').map((message) => ({ what: 'run file', state: 'failure', message }));
  }
  const running = new Set(new Registry(homeFolder(env)).list().map(({ appId }) => appId));
  const findings = runFile.warnings.map((message): Finding => ({ what: 'run file', state: 'warning', message }));
  // one by one: their relative paths count from where the process is
  for (const app of runFile.apps) {
    const { appId, folder, resourcesPaths = [], configPaths = [] } = app;
    findings.push(...(await examineApp(app, running.has(appId), env)));
    const place = { appId, folder, resourcesPaths, configPaths, env: { ...env, ...app.env } };
    for (const finding of await examinePlace(place)) findings.push({ ...finding, what: `${appId}: ${finding.what}` });
  }
  return findings;
}

async function examinePlace(place: ResourcePlace): Promise<Finding[]> {
  if (place.resourcesPaths.length === 0 && place.configPaths.length === 0) {
    const message = 'none found here; outrigger run uses SQLite files. Name a folder with --resources-path';
    return [{ what: 'resources', state: 'ok', message }];
  }
  return withProgress(`starting the components of ${place.appId}`, examineResources(place));
}

const marks = { ok: '✓', warning: '!', failure: '✗' } as const;

function report(findings: readonly Finding[]): string {
  const failures = findings.filter(({ state }) => state === 'failure').length;
  const lines = findings.map(({ what, state, message }) => `${marks[state]} ${what}: ${message}`);
  return `${[...lines, '', failures === 0 ? 'Nothing keeps a sidecar from starting.' : `${failures} to mend.`].join('\n')}\n`;
}
