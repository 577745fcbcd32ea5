import { homedir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { homeFolder } from '../home.ts';
import type { Instance } from '../instances/instance.ts';
import { isRunning, Registry } from '../instances/registry.ts';
import { type OutputFormat, outputOption, writeResult } from '../output.ts';
import type { CommandContext } from '../program.ts';
import { readRunFile } from '../run/run-file.ts';
import { UserError } from '../user-error.ts';

interface StopOptions {
  readonly appId: readonly string[];
  readonly runFile?: string;
  readonly output: OutputFormat;
}

/** An orderly end takes at most what apps and sidecars have for it. */
const patienceMs = 30_000;

/** `outrigger stop`: ends apps, their sidecars, and the command that runs them. */
export function addStop(program: Command, { env }: CommandContext): void {
  program
    .command('stop [appId...]')
    .summary('stop apps and their sidecars')
    .description('Stops apps in order: the app, its sidecar once nothing is in flight, and the command that runs both.')
    .option('-a, --app-id <id>', 'app to stop; repeatable', (id: string, all: string[]) => [...all, id], [])
    .option('-f, --run-file <path>', 'stop all apps that were started from this file')
    .addOption(outputOption())
    .action(async (words: string[], { appId, runFile, output }: StopOptions) => {
      const registry = new Registry(homeFolder(env));
      const instances =
        runFile === undefined
          ? byAppId(registry, [...words, ...appId])
          : await byRunFile(registry, runFile, env['HOME'] ?? homedir());
      // once each: a command that runs several apps takes a second signal for impatience
      for (const pid of new Set(instances.flatMap(endedBy))) signal(pid);
      await Promise.all(instances.map(ended));
      for (const instance of instances) registry.remove(instance);
      writeResult(output, instances.map(stopped), () => instances.map((one) => `stopped ${one.appId}\n`).join(''));
    });
}

/** By the names that `list` has. */
function stopped({ appId, sidecarPid, cliPid, appPid }: Instance) {
  return { appId, daprdPid: sidecarPid, cliPid, appPid: appPid ?? 0 };
}

function byAppId(registry: Registry, ids: readonly string[]): Instance[] {
  if (ids.length === 0)
    throw new UserError('stop which app? outrigger stop <app id>, or -f <file>; outrigger list shows what runs');
  const running = registry.list();
  return ids.flatMap((id) => {
    const found = running.filter((instance) => instance.appId === id);
    if (found.length > 0) return found;
    const others = running.map((instance) => instance.appId).join(', ') || 'no app runs';
    throw new UserError(`no app "${id}" runs; what does: ${others}`);
  });
}

async function byRunFile(registry: Registry, given: string, userHome: string): Promise<Instance[]> {
  const { path } = await readRunFile(given, userHome);
  const found = registry.list().filter((instance) => instance.runTemplatePath === path);
  if (found.length === 0) throw new UserError(`no app of ${given} runs`);
  return found;
}

/** Whom to ask for its end: the command that runs it, or its own processes where that is gone. */
function endedBy(instance: Instance): number[] {
  return isRunning(instance.cliPid) ? [instance.cliPid] : pidsOf(instance);
}

function pidsOf({ sidecarPid, appPid }: Instance): number[] {
  return [sidecarPid, ...(appPid === undefined ? [] : [appPid])];
}

/** Resolves once neither the sidecar nor the app runs. */
async function ended(instance: Instance): Promise<void> {
  const { appId } = instance;
  const pids = pidsOf(instance);
  const end = Date.now() + patienceMs;
  while (pids.some(isRunning)) {
    if (Date.now() > end) throw new UserError(`${appId} does not end; its processes are ${pids.join(' and ')}`);
    await delay(50);
  }
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    // it has ended meanwhile
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
