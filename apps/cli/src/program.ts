import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addCompletion } from './commands/completion.ts';
import { addComponents } from './commands/components.ts';
import { addDoctor } from './commands/doctor.ts';
import { addInit } from './commands/init.ts';
import { addInvoke } from './commands/invoke.ts';
import { addList } from './commands/list.ts';
import { addPublish } from './commands/publish.ts';
import { addRun } from './commands/run.ts';
import { addStop } from './commands/stop.ts';
import { UserError } from './user-error.ts';

/** What a command gets besides its own flags. */
export interface CommandContext {
  readonly env: NodeJS.ProcessEnv;
  /** For `process.exitCode`, when the command is done. */
  readonly setExitCode: (code: number) => void;
}

/** All commands. A command's action rejects with a {@link UserError} when it is the user who has to mend something. */
export function createProgram(context: CommandContext): Command {
  const program = new Command('outrigger')
    .description('Runs apps with their sidecars, and looks after them.')
    .version(versionText(), '--version', 'print the version')
    .enablePositionalOptions()
    .showHelpAfterError('(--help shows what there is)');
  addRun(program, context);
  addList(program, context);
  addStop(program, context);
  addInvoke(program, context);
  addPublish(program, context);
  addComponents(program);
  addDoctor(program, context);
  addInit(program, versionText());
  addCompletion(program, context);
  return program;
}

/** Resolves to the exit code: 0, that of the app that was run, 1 for what the user has to mend. */
export async function runProgram(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  let exitCode = 0;
  const program = createProgram({ env, setExitCode: (code) => (exitCode = code) }).exitOverride();
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    // commander has said already what was wrong
    if (error instanceof CommanderError) return error.exitCode;
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(
      `${error.message
        .split('\n')
        .map((line) => `outrigger: ${line}`)
        .join('\n')}\n`,
    );
    return 1;
  }
}

function versionText(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
