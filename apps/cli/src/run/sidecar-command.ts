import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AppSettings } from './app-settings.ts';
import { embeddedDefaults } from './embedded.ts';

export interface SidecarPorts {
  readonly http: number;
  readonly grpc: number;
  readonly metrics: number;
}

export interface SidecarCommand {
  readonly command: readonly string[];
  readonly resourcesPaths: readonly string[];
  readonly configPaths: readonly string[];
  /** Says what stands behind the APIs, where the user has not said it. */
  readonly notice?: string;
}

/** The command line of an app's sidecar. Without resources of its own the app has the embedded ones, in files below `home`. */
export function sidecarCommand(app: AppSettings, ports: SidecarPorts, home: string): SidecarCommand {
  const isEmbedded = app.resourcesPaths === undefined;
  const defaults = isEmbedded || app.configPaths === undefined ? embeddedDefaults(home) : undefined;
  const resourcesPaths = app.resourcesPaths ?? [defaults?.resourcesPath ?? ''];
  const configPaths = app.configPaths ?? [defaults?.configPath ?? ''];
  const flags = new Map([
    ['app-id', app.appId],
    ['dapr-http-port', String(ports.http)],
    ['dapr-grpc-port', String(ports.grpc)],
    ['metrics-port', String(ports.metrics)],
    ...(app.appPort === undefined ? [] : ([['app-port', String(app.appPort)]] as const)),
    ...app.sidecarFlags,
  ]);
  const repeated = [
    ...resourcesPaths.map((path) => ['resources-path', path] as const),
    ...configPaths.map((path) => ['config', path] as const),
    ...(defaults?.packages ?? []).map((path) => ['component-package', path] as const),
  ];
  return {
    command: [
      process.execPath,
      ...sidecarEntry(),
      ...[...flags, ...repeated].map(([name, value]) => `--${name}=${value}`),
    ],
    resourcesPaths,
    configPaths,
    ...(isEmbedded && {
      notice: `no resources given: state ("statestore") and messages ("pubsub") are in SQLite files in ${join(home, 'defaults')}`,
    }),
  };
}

/** Where resources lie when nobody names them: `.dapr/resources` of the app's folder, then `~/.dapr/components`. */
export function usualResourcesPaths(folder: string, userHome: string): string[] | undefined {
  const usual = [join(folder, '.dapr', 'resources'), join(userHome, '.dapr', 'components')];
  const found = usual.find((path) => hasYaml(path));
  return found === undefined ? undefined : [found];
}

/** Where the Configuration lies when nobody names it. */
export function usualConfigPaths(folder: string, userHome: string): string[] | undefined {
  const usual = [join(folder, '.dapr', 'config.yaml'), join(userHome, '.dapr', 'config.yaml')];
  const found = usual.find((path) => existsSync(path));
  return found === undefined ? undefined : [found];
}

function hasYaml(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).some((name) => /\.ya?ml$/.test(name));
}

/** What Node.js runs for a sidecar: the package's command, or its sources where this one runs from its own. */
function sidecarEntry(): string[] {
  const folder = new URL('.', import.meta.resolve('@outrigger/sidecar/package.json'));
  const isSource = import.meta.filename.endsWith('.ts');
  return [...process.execArgv, fileURLToPath(new URL(isSource ? 'src/main.ts' : 'bin/outrigger-sidecar.js', folder))];
}
