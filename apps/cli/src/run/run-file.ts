import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { FieldReader, isObject, parseYaml, Problems, describeProblem, YamlError } from '@outrigger/runtime/yaml';
import { UserError } from '../user-error.ts';
import { type AppSettings, type LogDestination, logDestinations } from './app-settings.ts';
import { usualConfigPaths, usualResourcesPaths } from './sidecar-command.ts';
import { sidecarSettings } from './sidecar-settings.ts';

/** A file of apps to run together: Dapr's `dapr.yaml`, version 1. */
export interface RunFile {
  readonly name: string;
  /** Absolute; `-` for standard input. */
  readonly path: string;
  readonly apps: readonly AppSettings[];
  /** What is wrong, but stops nothing. */
  readonly warnings: readonly string[];
}

/** What both `common` and an app can say. */
interface Section {
  readonly flags: Map<string, string>;
  readonly env: Record<string, string>;
  readonly resourcesPaths: string[];
  readonly configPath: string | undefined;
  readonly appLogDestination: LogDestination | undefined;
  readonly sidecarLogDestination: LogDestination | undefined;
}

/** Reads a run file, or the `dapr.yaml` of a folder, or standard input (`-`). Rejects with a {@link UserError} that lists all that has to be mended. */
export async function readRunFile(given: string, userHome: string): Promise<RunFile> {
  const path = given === '-' ? '-' : runFilePath(resolve(given));
  const source = readFileSync(path === '-' ? 0 : path, 'utf8');
  const shown = path === '-' ? 'standard input' : given.endsWith(basename(path)) ? given : join(given, basename(path));
  const folder = path === '-' ? process.cwd() : dirname(path);
  const problems = new Problems();
  const reader = await rootReader(source, shown, problems);

  const version = reader.valueText('version');
  if (version !== '1')
    reader.error(
      version === undefined ? 'version is missing; put "version: 1" first' : `version must be 1, not ${version}`,
    );
  const name = reader.text('name') ?? basename(folder);
  const common = reader.object('common');
  const shared = common && readSection(common, folder);
  common?.done();
  const sections = reader.objects('apps');
  if (sections.length === 0) reader.error('apps is missing: a list with at least one app');
  const template = { name, path };
  const apps = sections.map((section) => readApp(section, { folder, shared, template, userHome }));
  reader.done();
  if (problems.errors.length > 0) {
    const inOrder = problems.errors.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
    throw new UserError(inOrder.map(describeProblem).join('\n'));
  }
  return { name, path, apps, warnings: problems.warnings.map(describeProblem) };
}

function runFilePath(path: string): string {
  if (!existsSync(path)) throw new UserError(`there is no file or folder ${path}`);
  if (!statSync(path).isDirectory()) return path;
  const found = ['dapr.yaml', 'dapr.yml'].map((name) => join(path, name)).find((file) => existsSync(file));
  if (found === undefined) throw new UserError(`the folder ${path} has no dapr.yaml`);
  return found;
}

async function rootReader(source: string, file: string, problems: Problems): Promise<FieldReader> {
  try {
    const [document] = await parseYaml(source);
    if (document === undefined || !isObject(document.value))
      throw new UserError(`${file}: this is no run file; it begins with "version: 1"`);
    return new FieldReader({ document, file, resource: 'run file', problems }, [], document.value);
  } catch (error) {
    if (error instanceof YamlError) throw new UserError(`${file}:${error.line}: ${error.message}`, { cause: error });
    throw error;
  }
}

function readSection(reader: FieldReader, folder: string): Section {
  const flags = new Map<string, string>();
  for (const { key, flag, kind } of sidecarSettings) {
    const value = kind === 'flag' ? reader.flag(key) : kind === 'text' ? reader.valueText(key) : reader.integer(key);
    // an empty address means that there is none
    if (value !== undefined && value !== '') flags.set(flag, String(value));
  }
  const single = reader.text('resourcesPath');
  const paths = [...(single === undefined ? [] : [single]), ...reader.texts('resourcesPaths')];
  const configPath = reader.text('configFilePath');
  // Kubernetes and Dapr's own binary have no meaning here
  for (const key of ['runtimePath', 'appSSL', 'containerImage', 'containerImagePullPolicy', 'createService']) {
    if (reader.has(key)) reader.warn(`${key} has no meaning here and is ignored`, [...reader.path, key]);
  }
  return {
    flags,
    env: reader.textMap('env'),
    resourcesPaths: paths.map((path) => resolve(folder, path)),
    configPath: configPath === undefined ? undefined : resolve(folder, configPath),
    appLogDestination: reader.oneOf('appLogDestination', logDestinations),
    sidecarLogDestination: reader.oneOf('daprdLogDestination', logDestinations),
  };
}

interface AppContext {
  readonly folder: string;
  readonly shared: Section | undefined;
  readonly template: { readonly name: string; readonly path: string };
  readonly userHome: string;
}

function readApp(reader: FieldReader, { folder, shared, template, userHome }: AppContext): AppSettings {
  const appFolder = resolve(folder, reader.requiredText('appDirPath'));
  if (!existsSync(appFolder)) reader.error(`there is no folder ${appFolder}`, [...reader.path, 'appDirPath']);
  // as in Dapr: what `common` names is relative to the file, what an app names to the app's folder
  const own = readSection(reader, appFolder);
  const resourcesPaths = [
    own.resourcesPaths,
    usualResourcesPaths(appFolder, '') ?? [],
    shared?.resourcesPaths ?? [],
  ].find((paths) => paths.length > 0);
  for (const path of resourcesPaths ?? []) {
    if (!existsSync(path)) reader.error(`there is no folder ${path} with resources`);
  }
  const configPath = own.configPath ?? usualConfigPaths(appFolder, '')?.[0] ?? shared?.configPath;
  if (configPath !== undefined && !existsSync(configPath)) reader.error(`there is no file ${configPath}`);
  const app: AppSettings = {
    appId: reader.text('appID') ?? basename(appFolder),
    folder: appFolder,
    command: reader.texts('command'),
    appPort: portOf(reader, 'appPort'),
    httpPort: portOf(reader, 'daprHTTPPort'),
    grpcPort: portOf(reader, 'daprGRPCPort'),
    metricsPort: portOf(reader, 'metricsPort'),
    resourcesPaths: resourcesPaths ?? usualResourcesPaths(appFolder, userHome),
    configPaths: configPath === undefined ? usualConfigPaths(appFolder, userHome) : [configPath],
    sidecarFlags: new Map([...(shared?.flags ?? []), ...own.flags]),
    env: { ...shared?.env, ...own.env },
    appLogDestination: own.appLogDestination ?? shared?.appLogDestination ?? 'fileAndConsole',
    sidecarLogDestination: own.sidecarLogDestination ?? shared?.sidecarLogDestination ?? 'file',
    dependsOn: reader.texts('dependsOn'),
    template,
  };
  reader.done();
  return app;
}

/** `undefined` for none, and for what Dapr takes as "any": 0 and below. */
function portOf(reader: FieldReader, key: string): number | undefined {
  const port = reader.integer(key);
  if (port !== undefined && port > 65_535) reader.error(`${key} must be a port, at most 65535`, [...reader.path, key]);
  return port !== undefined && port > 0 ? port : undefined;
}
