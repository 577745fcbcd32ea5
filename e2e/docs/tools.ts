import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PagePorts } from './ports.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** What the commands of a page may need beside Node.js, by the word they begin with. */
const toolchains = { python: 'PYTHON', go: 'GO', java: 'JAVA' } as const;

/** Why a block cannot run on this machine, `undefined` when it can. */
export function lacking(text: string): string | undefined {
  for (const [command, name] of Object.entries(toolchains)) {
    const variable = `OUTRIGGER_TEST_${name}`;
    if (new RegExp(`^${command} `, 'm').test(text) && !process.env[variable]) {
      return `${variable} is not set; eval "$(e2e/toolchains.sh ${command})"`;
    }
  }
  return undefined;
}

/** Why a page cannot run at all here. */
export function lackingCommand(command: string): string | undefined {
  const isThere = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)));
  return isThere ? undefined : `there is no ${command} here`;
}

/** Fills the page's home with what its commands find on the PATH, and hands back their environment. */
export function prepareTools(home: string, ports: PagePorts, packed: boolean): NodeJS.ProcessEnv {
  const shims = join(home, 'bin');
  mkdirSync(shims, { recursive: true });
  const script = (name: string, body: string) =>
    writeFileSync(join(shims, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  if (packed) {
    script('npm', `exec '${process.execPath}' '${join(root, 'e2e/docs/npm.ts')}' '${shims}' "$@"`);
  } else {
    // what is installed is what is built here; it is all there at once
    script(
      'npm',
      `[ "$1" = install ] || [ "$1" = i ] || exit 64\n[ -e node_modules ] || ln -s '${root}/node_modules' node_modules`,
    );
    script('npx', `command=$1\nshift\nexec '${root}/node_modules/.bin/'"$command" "$@"`);
  }
  // what starts fast rather than runs fast
  script('java', `PATH="\${PATH#*:}" exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "$@"`);
  // what a page shows as an answer is an answer: an error ends the block
  writeFileSync(join(home, '.curlrc'), 'silent\nfail-with-body\nmax-time = 60\n');
  const python = process.env['OUTRIGGER_TEST_PYTHON'];
  const path = [shims, ...(python ? [join(python, 'bin')] : []), join(root, 'node_modules/.bin'), process.env['PATH']];
  return {
    ...withoutRunOfNpm(process.env),
    PATH: path.join(delimiter),
    HOME: home,
    OUTRIGGER_HOME: join(home, '.outrigger'),
    NO_COLOR: '1',
    npm_config_userconfig: process.env['npm_config_userconfig'] ?? join(homedir(), '.npmrc'),
    npm_config_cache: process.env['npm_config_cache'] ?? join(homedir(), '.npm'),
    // where SDKs look for a sidecar; nobody sets them on a laptop, as these are the ports they know
    DAPR_HTTP_PORT: ports.of(3500),
    DAPR_GRPC_PORT: ports.of(50001),
    ...goEnvironment(),
  };
}

/** What a page's programs in a language build on, laid into its folder when the first of them is met. */
export function layOutLanguage(language: string, folder: string): void {
  const java = process.env['OUTRIGGER_TEST_JAVA'];
  if (language === 'go' && !existsSync(join(folder, 'go.mod'))) {
    for (const file of ['go.mod', 'go.sum']) copyFileSync(join(root, 'e2e/sdk-go', file), join(folder, file));
  }
  if (language === 'java' && java && !existsSync(join(folder, 'lib'))) {
    symlinkSync(join(java, 'classpath'), join(folder, 'lib'));
  }
}

/** Without what an `npm run` that these tests are part of tells its own commands. */
function withoutRunOfNpm(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own =
    /^(INIT_CWD|npm_(command|execpath|node_execpath|lifecycle_.*|package_.*)|npm_config_(call|local_prefix|package|workspaces?))$/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.test(name)));
}

/** The user's own caches of Go, although a page has a home of its own. */
function goEnvironment(): Record<string, string> {
  if (!process.env['OUTRIGGER_TEST_GO']) return {};
  const compiler = execFileSync(join(root, 'e2e/go-compiler.sh'), { encoding: 'utf8' }).trim();
  const names = ['GOPATH', 'GOMODCACHE', 'GOCACHE', 'GOPROXY', 'GOSUMDB'];
  const known = execFileSync(join(compiler, 'go'), ['env', '-json', ...names], { encoding: 'utf8' });
  return { ...(JSON.parse(known) as Record<string, string>), GOFLAGS: '-ldflags=-w', GO_FOLDER: compiler };
}
