import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addCompletion } from './commands/completion.ts';
import { addComponents } from './commands/components.ts';
import { addDashboard } from './commands/dashboard.ts';
import { addDoctor } from './commands/doctor.ts';
import { addInit } from './commands/init.ts';
import { addInvoke } from './commands/invoke.ts';
import { addList } from './commands/list.ts';
import type { CliManifest } from './commands/project-files.ts';
import { addPublish } from './commands/publish.ts';
import { addRun } from './commands/run.ts';
import { addStop } from './commands/stop.ts';
import { addVersion } from './commands/version.ts';
import { failureOf } from './failure.ts';
import { formatIn } from './output.ts';

/** What a command gets besides its own flags. */
export interface CommandContext {
  readonly env: NodeJS.ProcessEnv;
  /** For `process.exitCode`, when the command is done. */
  readonly setExitCode: (code: number) => void;
}

/** All commands. A command's action rejects with a {@link UserError} when it is the user who has to mend something. */
export function createProgram(context: CommandContext): Command {
  const manifest = readManifest();
  const program = new Command('outrigger')
    .description('Runs apps with their sidecars, and looks after them.')
    .version(manifest.version, '--version', 'print the version')
    .enablePositionalOptions()
    // the commands of this one, and theirs, take it over
    .exitOverride()
    .showHelpAfterError('(--help shows what there is)');
  addRun(program, context);
  addList(program, context);
  addStop(program, context);
  addInvoke(program, context);
  addPublish(program, context);
  addDashboard(program, context);
  addComponents(program);
  addDoctor(program, context);
  addInit(program, manifest);
  addCompletion(program, context);
  addVersion(program, manifest.version);
  return program;
}

/**
 * Resolves to the exit code: 0, that of the app that was run, 1 for what the user has to mend, 70 for a bug. The last two are told on
 * standard error, as JSON or YAML where `--output` asks for that.
 */
export async function runProgram(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  let exitCode = 0;
  const program = createProgram({ env, setExitCode: (code) => (exitCode = code) });
  const format = formatIn(args);
  // commander's own lines are for people
  if (format !== 'table') silenceErrors(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    // help, a version, and what commander has said already
    if (error instanceof CommanderError && (error.exitCode === 0 || format === 'table')) return error.exitCode;
    const failure = failureOf(error, format, env);
    process.stderr.write(failure.text);
    return failure.exitCode;
  }
}

function silenceErrors(command: Command): void {
  command.configureOutput({ writeErr: () => {} });
  command.commands.forEach(silenceErrors);
}

function readManifest(): CliManifest {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as CliManifest;
}
