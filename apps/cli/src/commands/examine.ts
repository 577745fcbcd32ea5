import { once } from 'node:events';
import { accessSync, constants, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import { type ComponentCheck, checkResources } from '@outrigger/runtime/check';
import { describeProblem } from '@outrigger/runtime/yaml';
import type { Instance } from '../instances/instance.ts';
import type { AppSettings } from '../run/app-settings.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly what: string;
  readonly state: 'ok' | 'warning' | 'failure';
  /** What was found, and for all but `ok` what to do. */
  readonly message: string;
}

/** Ports that a sidecar takes when it is given none. */
const usualPorts = { 3500: 'the HTTP API', 50_001: 'the gRPC API', 9090: 'metrics' } as const;

/** `running`: what has one of them by right. `ports`: each with its use. */
export async function examineUsualPorts(
  running: readonly Instance[],
  ports: Readonly<Record<string, string>> = usualPorts,
): Promise<Finding[]> {
  return Promise.all(
    Object.entries(ports).map(async ([port, use]): Promise<Finding> => {
      const what = `port ${port}`;
      if (await isFree(Number(port))) return { what, state: 'ok', message: `free, for ${use}` };
      const owner = running.find((one) => [one.httpPort, one.grpcPort, one.metricsPort].includes(Number(port)));
      const who = owner === undefined ? 'another program' : `the sidecar of ${owner.appId}`;
      const message = `taken by ${who}; outrigger run picks free ports, a sidecar started by hand needs another one for ${use}`;
      return { what, state: owner === undefined ? 'warning' : 'ok', message };
    }),
  );
}

/** What an app of a run file has for itself: its command and its ports. `isRunning`: the ports are its own. */
export async function examineApp(app: AppSettings, isRunning: boolean, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const { appId, command, folder } = app;
  const findings: Finding[] = [];
  const [program] = command;
  if (program !== undefined && !isExecutable(program, folder, { ...env, ...app.env })) {
    const message = `there is no command "${program}"; install it, or correct the command of the app`;
    findings.push({ what: appId, state: 'failure', message });
  }
  const ports = {
    appPort: app.appPort,
    daprHTTPPort: app.httpPort,
    daprGRPCPort: app.grpcPort,
    metricsPort: app.metricsPort,
  };
  for (const [key, port] of Object.entries(ports)) {
    if (port === undefined || isRunning) continue;
    const what = `${appId}: ${key} ${port}`;
    const isTaken = !(await isFree(port));
    const message = isTaken ? `taken by another program; stop that, or choose another ${key}` : 'free';
    findings.push({ what, state: isTaken ? 'failure' : 'ok', message });
  }
  return findings;
}

export interface ResourcePlace {
  readonly appId: string;
  /** Where the sidecar runs: its paths and packages are found from there. */
  readonly folder: string;
  readonly resourcesPaths: readonly string[];
  readonly configPaths: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Reads the resources and starts each component for itself, each within its `initTimeout`. This process is in `folder` meanwhile. */
export async function examineResources({ folder, ...options }: ResourcePlace): Promise<Finding[]> {
  const before = process.cwd();
  if (before !== folder) process.chdir(folder);
  try {
    const { components, errors, warnings } = await checkResources(options);
    return [
      ...errors.map((problem) => ({ what: 'resources', state: 'failure' as const, message: describeProblem(problem) })),
      ...warnings.map((problem) => ({
        what: 'resources',
        state: 'warning' as const,
        message: describeProblem(problem),
      })),
      ...components.map(findingOf),
    ];
  } finally {
    if (before !== folder) process.chdir(before);
  }
}

function findingOf({ name, type, version, file, line, problems, milliseconds }: ComponentCheck): Finding {
  const what = `${name} (${type}/${version})`;
  if (problems.length === 0) return { what, state: 'ok', message: `starts, in ${milliseconds} ms` };
  return { what, state: 'failure', message: `${file}:${line}: ${problems.join('; ')}` };
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/** As a shell would find it. */
function isExecutable(program: string, folder: string, env: NodeJS.ProcessEnv): boolean {
  // it has its own rules for what a command is
  if (process.platform === 'win32') return true;
  const files = program.includes('/')
    ? [resolve(folder, program)]
    : (env['PATH'] ?? '').split(delimiter).map((path) => join(path, program));
  return files.some((file) => {
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  });
}
