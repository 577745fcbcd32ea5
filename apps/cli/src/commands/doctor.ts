import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { type ComponentCheck, checkResources } from '@outrigger/runtime/check';
import { describeProblem } from '@outrigger/runtime/yaml';
import type { Command } from 'commander';
import { homeFolder } from '../home.ts';
import { Registry } from '../instances/registry.ts';
import { type OutputFormat, parseOutputFormat, render } from '../output.ts';
import type { CommandContext } from '../program.ts';
import { usualConfigPaths, usualResourcesPaths } from '../run/sidecar-command.ts';

interface DoctorOptions {
  readonly appId: string;
  readonly resourcesPath?: readonly string[];
  readonly config?: readonly string[];
  readonly output: OutputFormat;
}

/** One thing that was looked at. */
interface Finding {
  readonly what: string;
  readonly state: 'ok' | 'warning' | 'failure';
  /** What was found, and for all but `ok` what to do. */
  readonly message: string;
}

/** Ports that a sidecar takes when it is given none. */
const usualPorts = { 3500: 'the HTTP API', 50_001: 'the gRPC API', 9090: 'metrics' } as const;

/** `outrigger doctor`: looks at all that a start needs, and says what to do. */
export function addDoctor(program: Command, { env, setExitCode }: CommandContext): void {
  const collect = (value: string, all: readonly string[] = []) => [...all, value];
  program
    .command('doctor')
    .summary('find out why something does not start')
    .description(
      'Looks at ports, YAML files, installed packages, and whether each component can reach what it connects to; says what to do. Ends with 1 when something would keep a sidecar from starting.',
    )
    .option('-a, --app-id <id>', 'app for which to look: what is scoped to others is left out', 'doctor')
    .option('-d, --resources-path <folder>', 'folder with resource YAML; repeatable', collect)
    .option('-c, --config <file>', 'Configuration file; repeatable', collect)
    .option('-o, --output <format>', 'table, json or yaml', parseOutputFormat, 'table')
    .action(async (options: DoctorOptions) => {
      const findings = await examine(options, env);
      setExitCode(findings.some(({ state }) => state === 'failure') ? 1 : 0);
      process.stdout.write(options.output === 'table' ? report(findings) : render(findings, options.output));
    });
}

async function examine(options: DoctorOptions, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const folder = process.cwd();
  const userHome = env['HOME'] ?? homedir();
  const resourcesPaths =
    options.resourcesPath?.map((path) => resolve(path)) ?? usualResourcesPaths(folder, userHome) ?? [];
  const configPaths = options.config?.map((path) => resolve(path)) ?? usualConfigPaths(folder, userHome) ?? [];
  return [
    { what: 'Node.js', state: 'ok', message: process.version },
    ...(await Promise.all(Object.entries(usualPorts).map(([port, use]) => examinePort(Number(port), use)))),
    examineInstances(env),
    ...(await examineResources(options.appId, resourcesPaths, configPaths, env)),
  ];
}

async function examinePort(port: number, use: string): Promise<Finding> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return { what: `port ${port}`, state: 'ok', message: `free, for ${use}` };
  } catch {
    const message = `taken by another program; outrigger run picks free ports, a sidecar started by hand needs another one for ${use}`;
    return { what: `port ${port}`, state: 'warning', message };
  } finally {
    server.close();
  }
}

function examineInstances(env: NodeJS.ProcessEnv): Finding {
  const running = new Registry(homeFolder(env)).list().map(({ appId, httpPort }) => `${appId} (${httpPort})`);
  return { what: 'apps', state: 'ok', message: running.length === 0 ? 'none runs' : `running: ${running.join(', ')}` };
}

async function examineResources(
  appId: string,
  resourcesPaths: readonly string[],
  configPaths: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Finding[]> {
  if (resourcesPaths.length === 0) {
    const message = 'none found here; outrigger run uses SQLite files. Name a folder with --resources-path';
    return [{ what: 'resources', state: 'ok', message }];
  }
  const { components, errors, warnings } = await checkResources({ appId, resourcesPaths, configPaths, env });
  return [
    ...errors.map((problem) => ({ what: 'resources', state: 'failure' as const, message: describeProblem(problem) })),
    ...warnings.map((problem) => ({ what: 'resources', state: 'warning' as const, message: describeProblem(problem) })),
    ...components.map(findingOf),
  ];
}

function findingOf({ name, type, version, file, line, problems, milliseconds }: ComponentCheck): Finding {
  const what = `${name} (${type}/${version})`;
  if (problems.length === 0) return { what, state: 'ok', message: `starts, in ${milliseconds} ms` };
  return { what, state: 'failure', message: `${file}:${line}: ${problems.join('; ')}` };
}

const marks = { ok: '✓', warning: '!', failure: '✗' } as const;

function report(findings: readonly Finding[]): string {
  const failures = findings.filter(({ state }) => state === 'failure').length;
  const lines = findings.map(({ what, state, message }) => `${marks[state]} ${what}: ${message}`);
  return `${[...lines, '', failures === 0 ? 'Nothing keeps a sidecar from starting.' : `${failures} to mend.`].join('\n')}\n`;
}
