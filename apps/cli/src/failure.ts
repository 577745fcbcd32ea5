import { CommanderError } from 'commander';
import { type OutputFormat, render } from './output.ts';
import { UserError } from './user-error.ts';

/** How a command ends that could not do what it was asked. */
interface Failure {
  /** For standard error; ends with a line break. */
  readonly text: string;
  readonly exitCode: number;
}

/** For programs, on standard error, where `--output` asks for JSON or YAML. */
interface WrittenFailure {
  readonly error: string;
  readonly exitCode: number;
  /** Where `OUTRIGGER_DEBUG` is set. */
  readonly stack?: string;
}

/** What sysexits.h has for a mistake in the program itself. */
const bugExitCode = 70;

/**
 * In words, for whoever has to mend it: exit code 1 where that is the user, 70 where it is us. The stack is shown only where the
 * environment has `OUTRIGGER_DEBUG`; without it, a bug's message says how to see one.
 */
export function failureOf(error: unknown, format: OutputFormat, env: NodeJS.ProcessEnv): Failure {
  const isDebugging = Boolean(env['OUTRIGGER_DEBUG']);
  const stack = isDebugging ? stackOf(error) : undefined;
  const isBug = !isOfUser(error);
  const message = isBug ? bugMessage(error, isDebugging) : error.message.replace(/^error: /, '');
  const exitCode = isBug ? bugExitCode : error instanceof CommanderError ? error.exitCode : 1;
  if (format !== 'table') {
    const written: WrittenFailure = { error: message, exitCode, ...(stack !== undefined && { stack }) };
    return { text: render(written, format), exitCode };
  }
  const lines = message.split('\n').map((line) => `outrigger: ${line}\n`);
  return { text: lines.join('') + (stack === undefined ? '' : `${stack}\n`), exitCode };
}

function bugMessage(error: unknown, isDebugging: boolean): string {
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const more = isDebugging ? 'report it with what follows' : 'OUTRIGGER_DEBUG=1 before the command shows where it is';
  return `unexpected error, a bug of this command: ${what}\n${more}`;
}

function isOfUser(error: unknown): error is Error {
  return error instanceof UserError || error instanceof CommanderError || isOfSystem(error);
}

/** What a file or a port refuses, with the path or the address in its message. */
function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

/** With those of its causes. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
